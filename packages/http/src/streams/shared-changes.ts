import type { Logger } from '@hexabase/kernel/log.ts';
import type { Change, ChangeFeed } from '../event-stream.ts';
import { atMost } from './at-most.ts';

/** One open stream. */
export interface Listener {
  /** Whether it may be told of things of this organization now. */
  mayHear(organizationId: string): boolean;
  /** Takes the text of one event. */
  tell(event: string): void;
}

/** A listener that is told of changes until it is disposed. */
export interface Listening extends Disposable {
  /** From now on it hears of these organizations, as far as `mayHear` says so. */
  hear(organizationIds: readonly string[]): void;
}

/** Things of one organization that have changed and were not told yet, each once: only the present state is told. */
const pendingMax = 1_000;
/** Organizations whose changes are read from the database at the same time. */
const readsMax = 3;
/** Events of one organization: more of its streams make its changes come later, and nobody else's. */
const eventsPerMs = 4;
const syncKey = 'sync';

/** The text of one server-sent event. */
export function eventText(event: string, data: unknown): string {
  return `event: ${event}\ndata: ${JSON.stringify(data)}\n\n`;
}

/**
 * Tells open streams what has changed. A change costs one reading and one text, however many streams hear of it; an organization's
 * changes are told one after another, and what changes again before it was told is told once. Who would have missed something
 * is told `sync`.
 */
export function shareChanges(deps: { changes: ChangeFeed; log: Logger }): {
  join(listener: Listener): Listening;
} & Disposable {
  const audience = createAudience();
  const eventOf = reader(deps);
  const lines = new Map<string, Map<string, Change>>();

  async function tellAll(organizationId: string, line: Map<string, Change>): Promise<void> {
    for (const [key, change] of line) {
      line.delete(key);
      const event = key === syncKey ? eventText('sync', {}) : await eventOf(change);
      let told = 0;
      for (const listener of audience.of(organizationId)) {
        if (!listener.mayHear(organizationId)) continue;
        listener.tell(event);
        told += 1;
      }
      await new Promise((go) => setTimeout(go, told / eventsPerMs));
    }
    lines.delete(organizationId);
  }

  const subscription = deps.changes.subscribe((change) => {
    if (change === null) return audience.everybody((listener) => listener.tell(eventText('sync', {})));
    const { organizationId } = change;
    if (audience.of(organizationId).size === 0) return;
    const line = lines.get(organizationId);
    const pending = line ?? new Map<string, Change>();
    if (pending.size >= pendingMax) {
      pending.clear();
      pending.set(syncKey, change);
    } else pending.set(`${change.noun} ${change.id}`, change);
    if (line) return;
    lines.set(organizationId, pending);
    void tellAll(organizationId, pending);
  });
  return { join: audience.join, [Symbol.dispose]: () => subscription[Symbol.dispose]() };
}

/** One reading of a change for everybody. */
function reader({ changes, log }: { changes: ChangeFeed; log: Logger }) {
  const read = atMost(readsMax);
  return async (change: Change): Promise<string> => {
    try {
      const data = await read(() => changes.read(change));
      return data === null
        ? eventText(`${change.noun}-gone`, { id: change.id })
        : eventText(change.noun, data);
    } catch (error) {
      log.warn(
        { error, noun: change.noun },
        'a change could not be read; those who hear of it look for themselves',
      );
      return eventText('sync', {});
    }
  };
}

function createAudience() {
  const all = new Set<Listener>();
  const byOrganization = new Map<string, Set<Listener>>();
  const nobody: ReadonlySet<Listener> = new Set();
  const forget = (id: string, listener: Listener) => {
    const those = byOrganization.get(id);
    those?.delete(listener);
    if (those?.size === 0) byOrganization.delete(id);
  };
  return {
    of: (organizationId: string) => byOrganization.get(organizationId) ?? nobody,
    everybody: (run: (listener: Listener) => void) => all.forEach(run),
    join(listener: Listener): Listening {
      let heard: readonly string[] = [];
      const hear = (organizationIds: readonly string[]) => {
        for (const id of heard) forget(id, listener);
        for (const id of organizationIds)
          byOrganization.set(id, (byOrganization.get(id) ?? new Set()).add(listener));
        heard = organizationIds;
      };
      all.add(listener);
      return {
        hear,
        [Symbol.dispose]() {
          hear([]);
          all.delete(listener);
        },
      };
    },
  };
}
