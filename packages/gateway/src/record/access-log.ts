import type { Logger } from '@hexabase/kernel/log.ts';
import type { AccessRecord } from '@hexabase/oidc/access-audit.ts';
import { batchQueue } from './batch-queue.ts';
import { boundedRoom } from './room.ts';
import { countTurnedAway, type TurnedAway } from './turned-away.ts';

/** One request to a cluster, with what the gateway knows of it. */
export interface AccessEntry extends AccessRecord {
  details: AccessRecord['details'] &
    AccessObject & {
      /** It changes something, and nobody can say whether that was done. */
      unknown?: boolean;
      count?: number;
      stage?: 'started' | 'ended';
      /** Name of the API token that was used. */
      token?: string;
    };
}

/** What was asked for, where the path names an object or a kind. */
export interface AccessObject {
  resource?: string;
  namespace?: string;
  name?: string;
}

/** Where entries go: all or none of a batch. */
export interface AccessAudit {
  write(entries: readonly AccessEntry[]): Promise<void>;
}

export interface AccessLog extends AsyncDisposable {
  /**
   * `combine`: entries alike within one batch become one with a count. `object` says what was asked for, of entries
   * that are kept.
   */
  record(entry: AccessEntry, options: { combine: boolean; object?: () => AccessObject }): void;
  /**
   * False when too much waits to be written, of this organization or of all: the request must be refused rather than go
   * unrecorded. Such refusals are counted and told together once there is room again.
   */
  admits(request: TurnedAway): boolean;
}

export interface AccessLogOptions {
  /** Milliseconds for which a database that is away is waited for when the log is closed. */
  giveUpMs?: number;
}

interface Kept {
  entry: AccessEntry;
  bytes: number;
}

/** Collects entries and writes them in batches within a second, one batch at a time; what could not be written is tried again. */
export function accessLog(
  audit: AccessAudit,
  log: Logger,
  { giveUpMs = 5_000 }: AccessLogOptions = {},
): AccessLog {
  const room = boundedRoom();
  const alike = new Map<string, AccessEntry>();
  const turnedAway = countTurnedAway();

  const queue = batchQueue<Kept>(async (batch) => {
    alike.clear();
    try {
      await audit.write(batch.map(({ entry }) => entry));
    } catch (error) {
      log.error({ error, entries: batch.length }, 'access entries could not be written yet');
      return false;
    }
    for (const { entry, bytes } of batch) room.give(entry.organizationId, bytes);
    for (const entry of turnedAway.take(room.has)) keep(entry, sizeOf(''));
    return true;
  });

  function keep(entry: AccessEntry, bytes: number): void {
    const { action, organizationId, requestId } = entry;
    if (queue.add({ entry, bytes })) room.take(organizationId, bytes);
    else log.error({ action, organizationId, requestId }, 'an access entry came after the end and is lost');
  }

  return {
    record(entry, { combine, object }) {
      if (combine && isCounted(alike, entry)) return;
      Object.assign(entry.details, object?.());
      keep(entry, sizeOf(entry.target) * (combine ? 2 : 1));
    },
    admits(request) {
      const hasRoom = room.has(request.organizationId);
      if (!hasRoom) turnedAway.add(request);
      return hasRoom;
    },
    async [Symbol.asyncDispose]() {
      const left = await queue.close(giveUpMs);
      const refused = turnedAway.total();
      if (left.length + refused > 0)
        log.error({ entries: left.length, refused }, 'access entries are lost: the database stayed away');
    },
  };
}

/** Whether one like it waits already, which now counts for both. */
function isCounted(alike: Map<string, AccessEntry>, entry: AccessEntry): boolean {
  const { status, token = '', name = '' } = entry.details;
  const { actorId, address, agent, action, target } = entry;
  const key = JSON.stringify([actorId, token, address, agent, action, status, target, name]);
  const known = alike.get(key);
  if (known) known.details.count = (known.details.count ?? 1) + 1;
  else alike.set(key, entry);
  return known !== undefined;
}

/** Bytes of an entry, about: names in its details are of its target. */
function sizeOf(target: string): number {
  return 1_024 + 4 * target.length;
}
