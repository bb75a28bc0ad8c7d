import { systemClock, type Clock } from '@hexabase/kernel/clock.ts';
import { silentLogger, type Logger } from '@hexabase/kernel/log.ts';
import { baseObjects } from './bootstrap/objects.ts';
import { createKubernetes, type KubernetesOptions } from './kubernetes.ts';
import { createMemoryPersistence } from './store/persistence-memory.ts';
import type { Persistence } from './store/persistence.ts';
import { createStores } from './store/stores.ts';
import type { Kubernetes } from './types.ts';

export interface OpenKubernetesOptions extends Omit<KubernetesOptions, 'stores' | 'clock' | 'log'> {
  /** Default: memory, gone with the process. */
  persistence?: Persistence;
  clock?: Clock;
  log?: Logger;
}

/** Many logical clusters (see `Kubernetes`) with the storage under them, which is closed after them. */
export function openKubernetes({
  persistence = createMemoryPersistence(),
  clock = systemClock,
  log = silentLogger,
  ...options
}: OpenKubernetesOptions): Kubernetes {
  const stores = createStores({ persistence, clock, log, base: baseObjects() });
  const kubernetes = createKubernetes({ ...options, stores, clock, log });
  return {
    ...kubernetes,
    async [Symbol.asyncDispose]() {
      await kubernetes[Symbol.asyncDispose]();
      await stores[Symbol.asyncDispose]();
    },
  };
}
