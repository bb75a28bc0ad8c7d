import type { Reconciler, Subject, Workflow } from '@hexabase/reconcile/reconciler.ts';
import { refillPool, type PoolRule } from './pool-store.ts';

const key = 'refill';

/** Keeps as many tenants in advance as the rule says: looked at with every resync and whenever one was taken. */
export function poolReconciler(rule: PoolRule): Reconciler<Subject> {
  const refill: Workflow<Subject> = {
    name: 'refill',
    steps: [
      {
        name: 'refill',
        words: 'Filling the pool',
        timeoutMs: 10_000,
        commit: (tx) => refillPool(tx, rule),
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
