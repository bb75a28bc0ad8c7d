import type { Tx } from '@hexabase/postgres/database.ts';
import type { RunOutcome } from './hooks.ts';
import type { Claim } from './queue.ts';
import type { Reconciler, Subject } from './reconciler.ts';
import { loadOperation } from './step-log.ts';
import { runWorkflow, type RunTools, type WorkflowEnd } from './workflow.ts';

/** A reconciler whose subject type is its own affair. */
export interface Registration {
  kind: string;
  /** As of the reconciler; 1 when it may have all places. */
  share: number;
  workflows: readonly { name: string; steps: readonly string[] }[];
  keys(tx: Tx): Promise<string[]>;
  reconcile(tools: RunTools, claim: Claim, signal: AbortSignal): Promise<ReconcileEnd>;
}

export type ReconcileEnd = WorkflowEnd | { kind: 'gone' } | { kind: 'idle' };

/** The form in which the engine takes a reconciler. */
export function register<S extends Subject>(reconciler: Reconciler<S>): Registration {
  return {
    kind: reconciler.kind,
    share: reconciler.share ?? 1,
    workflows: reconciler.workflows.map(({ name, steps }) => ({
      name,
      steps: steps.map((step) => step.name),
    })),
    keys: (tx) => reconciler.keys(tx),
    async reconcile(tools, claim, signal) {
      const { subject, operation } = await tools.database.asWorker(async (tx) => {
        const found = await reconciler.load(tx, claim.key);
        return { subject: found, operation: found && (await loadOperation(tx, found.operationId)) };
      });
      if (!subject) return { kind: 'gone' };
      const workflow = reconciler.workflowFor(subject, operation !== null);
      if (!workflow) return { kind: 'idle' };
      return runWorkflow(tools, { reconciler, workflow, subject, claim, operation, signal });
    },
  };
}

/** The word for metrics. */
export function outcomeOf(end: ReconcileEnd, stalled: boolean): RunOutcome {
  if (end.kind === 'removed') return 'gone';
  if (end.kind === 'failed') return stalled ? 'stalled' : 'failed';
  return end.kind;
}
