import type { Logger } from '@hexabase/kernel/log.ts';
import type { GroupResource } from '../../types.ts';
import type { StoreEvent } from '../store.ts';

/** Whoever listens to the changes of a cluster. */
export interface Publisher {
  subscribe(resource: GroupResource | '*', listener: (event: StoreEvent) => void): () => void;
  /** Calls everybody at once, in this turn; one that throws does not keep the others from hearing. */
  publish(event: StoreEvent): void;
  clear(): void;
}

export function createPublisher(log: Logger): Publisher {
  const listeners = new Map<GroupResource | '*', Set<(event: StoreEvent) => void>>();

  function call(listener: (event: StoreEvent) => void, event: StoreEvent): void {
    try {
      listener(event);
    } catch (error) {
      log.error({ error }, 'a listener of the store threw');
    }
  }

  return {
    subscribe(resource, listener) {
      const known = listeners.get(resource) ?? new Set();
      listeners.set(resource, known.add(listener));
      return () => void known.delete(listener);
    },
    publish(event) {
      for (const listener of listeners.get(event.key.resource) ?? []) call(listener, event);
      for (const listener of listeners.get('*') ?? []) call(listener, event);
    },
    clear: () => listeners.clear(),
  };
}
