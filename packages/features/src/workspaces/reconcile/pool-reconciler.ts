import type { Reconciler, Subject, Workflow } from '@hexabase/reconcile/reconciler.ts';
import { agreedPoolSizes, refillPool } from './pool-store.ts';

const key = 'refill';

/**
 * Keeps as many tenants in advance as the server that started last was told: looked at with every resync, whenever one was
 * taken, and when that setting changed. Without host clusters they are of `defaultRegion`.
 */
export function poolReconciler(defaultRegion: string): Reconciler<Subject> {
  const refill: Workflow<Subject> = {
    name: 'refill',
    steps: [
      {
        name: 'refill',
        words: 'Filling the pool',
        timeoutMs: 10_000,
        commit: async (tx) => {
          const sizes = await agreedPoolSizes(tx);
          // While the first server of a version that agrees starts, members of those before are no surplus.
          if (sizes !== null) await refillPool(tx, { sizes, defaultRegion });
        },
      },
    ],
    doneWords: '',
  };
  return {
    kind: 'pool',
    workflows: [refill],
    load: async () => ({
      id: key,
      organizationId: '',
      generation: 1,
      observedGeneration: 1,
      conditions: [],
      operationId: null,
    }),
    workflowFor: () => refill,
    save: async () => undefined,
    keys: async () => [key],
  };
}
