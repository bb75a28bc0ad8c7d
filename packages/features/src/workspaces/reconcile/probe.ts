import type { TenantState } from '@hexabase/cluster/port.ts';
import { doubtMs, findCondition, type Condition, type ConditionInput } from '@hexabase/kernel/conditions.ts';

/** Conditions that come and go by rules of their own; every other one is there while the driver says so. */
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
  'WorkloadsRunning',
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
    ...workloads(subject, state),
  ];
}

/**
 * Of the tenant's own pods: the driver has left out what is younger than the doubt. What was told is not known any more once
 * nobody looks.
 */
function workloads(
  { conditions }: { conditions: readonly Condition[] },
  state: TenantState,
): ConditionInput[] {
  if (state.kind === 'present' && state.workloads) return [state.workloads];
  const type = 'WorkloadsRunning';
  if (!findCondition(conditions, type)) return [];
  return [{ type, status: 'Unknown', reason: 'NotLookedAt', message: '' }];
}
