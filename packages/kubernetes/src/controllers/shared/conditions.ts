import type { Condition } from '../../objects.ts';
import { timestamp } from './times.ts';

/** The condition of a type, if set. */
export function findCondition(
  conditions: readonly Condition[] | undefined,
  type: string,
): Condition | undefined {
  return conditions?.find((condition) => condition.type === type);
}

/**
 * Answers `conditions` with `wanted` in it; `lastTransitionTime` changes only with the status. With
 * `withUpdateTime` also `lastUpdateTime` is kept (Deployments have it) and changes with the reason too.
 */
export function withCondition(
  conditions: readonly Condition[] | undefined,
  wanted: Condition,
  options: { nowMs: number; withUpdateTime?: boolean },
): Condition[] {
  const now = timestamp(options.nowMs);
  const list = conditions ?? [];
  const current = findCondition(list, wanted.type);
  if (
    current &&
    current.status === wanted.status &&
    current.reason === wanted.reason &&
    current.message === wanted.message
  ) {
    return [...list];
  }
  const next: Condition = {
    ...wanted,
    ...(options.withUpdateTime && { lastUpdateTime: now }),
    lastTransitionTime:
      current && current.status === wanted.status ? (current.lastTransitionTime ?? now) : now,
  };
  return current ? list.map((condition) => (condition === current ? next : condition)) : [...list, next];
}

/** Answers `conditions` without one type. */
export function withoutCondition(conditions: readonly Condition[] | undefined, type: string): Condition[] {
  return (conditions ?? []).filter((condition) => condition.type !== type);
}
