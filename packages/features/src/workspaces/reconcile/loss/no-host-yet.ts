import type { StepResult } from '@hexabase/reconcile/reconciler.ts';

/**
 * A step of the removal of what is on a host cluster that has never answered. Nothing is ever sent to a host before it has
 * said which cluster it is and that was recorded, so there is nothing to remove, and nobody who could be asked.
 */
export const noHostYet = {
  kind: 'done',
  said: 'Its host cluster has never answered, so nothing was ever made there.',
  report: { checked: ['that its host cluster has never answered, so nothing was ever made there'] },
} as const satisfies StepResult;
