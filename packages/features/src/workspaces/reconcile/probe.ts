import type { TenantState } from '@hexabase/cluster/port.ts';
import { findCondition, type Condition, type ConditionInput } from '@hexabase/kernel/conditions.ts';

/** A probe that fails says Unknown for so long, and False only then: most of what fails comes back by itself. */
export const doubtMs = 2 * 60_000;

/** Conditions that the product itself writes; every other one came from a driver. */
const ownTypes: ReadonlySet<string> = new Set([
  'Accepted',
  'AccessMirrored',
  'Asleep',
  'ControlPlaneReady',
  'IdentityReady',
  'AccessReady',
  'ContentsKept',
  'Ready',
  'Stalled',
  'Synced',
  'Upgraded',
  'PlanFits',
  'WorkEnded',
]);

/** The condition as it may be written now: what was in order becomes Unknown first, with the reason Progressing. */
export function damped(
  conditions: readonly Condition[],
  next: ConditionInput,
  nowMs: number,
): ConditionInput {
  if (next.status !== 'False') return next;
  const previous = findCondition(conditions, next.type);
  if (previous?.status === 'False') return next;
  const sinceMs = previous?.status === 'Unknown' ? Date.parse(previous.lastTransitionTime) : nowMs;
  return nowMs - sinceMs >= doubtMs ? next : { ...next, status: 'Unknown', reason: 'Progressing' };
}

/**
 * What the host says of a tenant, and what it does not say any more. A workspace that has never worked is told at once:
 * somebody waits for it.
 */
export function hostConditions(
  subject: { conditions: readonly Condition[]; observedGeneration: number },
  state: TenantState,
  nowMs: number,
): ConditionInput[] {
  const said = state.kind === 'present' ? state.conditions.filter(({ type }) => !ownTypes.has(type)) : [];
  const types = new Set(said.map(({ type }) => type));
  const over = subject.conditions.filter(
    ({ type, status }) => !ownTypes.has(type) && !types.has(type) && status !== 'True',
  );
  return [
    ...said.map((one) => (subject.observedGeneration === 0 ? one : damped(subject.conditions, one, nowMs))),
    ...over.map(({ type }): ConditionInput => ({ type, status: 'True', reason: 'Resolved', message: '' })),
  ];
}
