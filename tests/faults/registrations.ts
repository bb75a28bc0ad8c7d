import type { ClusterDriver } from '@hexabase/cluster/port.ts';
import { accessReconciler } from '@hexabase/features/access/reconcile/access-reconciler.ts';
import { namespacesReconciler } from '@hexabase/features/projects/reconcile/namespaces-reconciler.ts';
import { projectReconciler } from '@hexabase/features/projects/reconcile/project-reconciler.ts';
import { poolMemberReconciler } from '@hexabase/features/workspaces/reconcile/pool-member-reconciler.ts';
import { poolReconciler } from '@hexabase/features/workspaces/reconcile/pool-reconciler.ts';
import { workspaceReconciler } from '@hexabase/features/workspaces/reconcile/workspace-reconciler.ts';
import { systemClock, type Clock } from '@hexabase/kernel/clock.ts';
import { createKeyVault } from '@hexabase/kernel/key-vault.ts';
import type { Database } from '@hexabase/postgres/database.ts';
import type { Reconciler, Subject } from '@hexabase/reconcile/reconciler.ts';
import { register, type Registration } from '@hexabase/reconcile/registration.ts';

/** Changes a reconciler before it is tried, for example so that every step runs twice. */
export type Twist = <S extends Subject>(reconciler: Reconciler<S>) => Reconciler<S>;

/** The same in every worker process. */
const vault = createKeyVault(Buffer.alloc(32));

/** What the reconcilers of the product work on. */
export interface Ground {
  driver: ClusterDriver;
  database: Pick<Database, 'asWorker'>;
  /** By which workspaces are patient; the machine's when absent. */
  clock?: Clock | undefined;
}

/** Enough to list steps and workflows, which depend neither on the cluster behind them nor on the database. */
export const noGround = { driver: { name: 'none' } } as Ground;

/** All reconcilers of the product, one line each: the suite walks through every step of every workflow of them. */
export function productRegistrations(
  { driver, database, clock = systemClock }: Ground,
  twist: Twist = (reconciler) => reconciler,
): Registration[] {
  return [
    register(
      twist(workspaceReconciler({ driver, issuer: 'https://hexabase.example/oidc', vault, database, clock })),
    ),
    register(twist(poolReconciler('local'))),
    register(twist(poolMemberReconciler({ driver, issuer: 'https://hexabase.example/oidc' }))),
    register(twist(projectReconciler({ driver }))),
    register(twist(namespacesReconciler({ driver }))),
    register(twist(accessReconciler({ driver }))),
  ];
}

/** Every step runs twice before it counts as done. */
export const everyStepTwice: Twist = (reconciler) => {
  const workflows = reconciler.workflows.map((workflow) => ({
    ...workflow,
    steps: workflow.steps.map((step) => {
      const run = step.run;
      return run
        ? {
            ...step,
            run: async (context: Parameters<typeof run>[0]) => {
              await run(context);
              return run(context);
            },
          }
        : step;
    }),
  }));
  return {
    ...reconciler,
    workflows,
    workflowFor: (subject, asked) => {
      const chosen = reconciler.workflowFor(subject, asked);
      return workflows.find((workflow) => workflow.name === chosen?.name) ?? null;
    },
  };
};
