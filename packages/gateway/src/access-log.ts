import type { Logger } from '@hexabase/kernel/log.ts';

/** One request to a cluster, for the audit log of its organization. Holds no query, body or token. */
export interface AccessEntry {
  organizationId: string;
  workspaceId: string;
  /** By which somebody from outside the organization was let in. */
  grantId: string | null;
  actorId: string;
  actorEmail: string;
  /** `kube:<verb>`. */
  action: string;
  /** `workspaces/<id>/<path>`. */
  target: string;
  outcome: 'allowed' | 'denied' | 'failed';
  requestId: string;
  /** The address that the connection came from. */
  address: string | null;
  /** What the program says it is. */
  agent: string | null;
  /** Milliseconds since the epoch. */
  atMs: number;
  details: AccessObject & {
    /** 0 without an answer. */
    status: number;
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
  /** Too much is waiting to be written; requests must be refused rather than go unrecorded. */
  overloaded(): boolean;
}

const flushMs = 400;
const waitingMax = 20_000;
const batchMax = 2_000;

/** Collects entries and writes them in batches within a second; what could not be written is tried again. */
export function accessLog(audit: AccessAudit, log: Logger): AccessLog {
  let waiting: AccessEntry[] = [];
  let alike = new Map<string, AccessEntry>();
  let timer: NodeJS.Timeout | null = null;
  let writing: Promise<void> | null = null;

  function schedule(): void {
    timer ??= setTimeout(() => void flush(), flushMs);
  }

  async function flush(): Promise<void> {
    timer = null;
    if (writing) await writing;
    const batch = waiting.slice(0, batchMax);
    if (batch.length === 0) return;
    waiting = waiting.slice(batch.length);
    alike = new Map();
    writing = audit.write(batch).catch((error: unknown) => {
      log.error({ error, entries: batch.length }, 'access entries could not be written yet');
      waiting = [...batch, ...waiting];
    });
    await writing;
    writing = null;
    if (waiting.length > 0) schedule();
  }

  return {
    record(entry, { combine, object }) {
      if (combine) {
        const { status, token = '' } = entry.details;
        const { actorId, address, agent, action, target } = entry;
        const key = JSON.stringify([actorId, token, address, agent, action, status, target]);
        const known = alike.get(key);
        if (known) {
          known.details.count = (known.details.count ?? 1) + 1;
          return;
        }
        alike.set(key, entry);
      }
      Object.assign(entry.details, object?.());
      waiting.push(entry);
      schedule();
    },
    overloaded: () => waiting.length > waitingMax,
    async [Symbol.asyncDispose]() {
      if (timer) clearTimeout(timer);
      await writing;
      for (let before = Infinity; waiting.length > 0 && waiting.length < before;) {
        before = waiting.length;
        await flush();
      }
      if (timer) clearTimeout(timer);
    },
  };
}
