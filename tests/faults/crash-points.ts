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

/** Each step of one workflow once, at the boundary whose turn it is: as many runs with a seed each see all boundaries. */
export function eachStepOnce(
  points: readonly CrashPoint[],
  { workflow, seed }: { workflow: string; seed: number },
): CrashPoint[] {
  const ofIt = points.filter((point) => point.workflow === workflow);
  const steps = [...new Set(ofIt.map(({ step }) => step))];
  return steps.flatMap((step, index) => {
    const boundary = boundaries[(index + seed) % boundaries.length];
    return ofIt.filter((point) => point.step === step && point.boundary === boundary);
  });
}

export function pointName({ kind, workflow, step, boundary }: CrashPoint): string {
  return `${kind} ${workflow}, step ${step}, ${boundary}`;
}
