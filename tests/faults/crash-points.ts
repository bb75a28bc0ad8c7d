import { boundaries, type Boundary } from '@hexabase/reconcile/hooks.ts';
import type { Registration } from '@hexabase/reconcile/registration.ts';

/** A place in the work of a reconciler at which the process is killed. */
export interface CrashPoint {
  kind: string;
  workflow: string;
  step: string;
  boundary: Boundary;
}

/** Each boundary of each step of each workflow. */
export function allCrashPoints(registrations: readonly Registration[]): CrashPoint[] {
  return registrations.flatMap(({ kind, workflows }) =>
    workflows.flatMap((workflow) =>
      workflow.steps.flatMap((step) =>
        boundaries.map((boundary) => ({ kind, workflow: workflow.name, step, boundary })),
      ),
    ),
  );
}

export function pointName({ kind, workflow, step, boundary }: CrashPoint): string {
  return `${kind} ${workflow}, step ${step}, ${boundary}`;
}
