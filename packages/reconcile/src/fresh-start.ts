import type { Condition } from '@hexabase/kernel/conditions.ts';
import type { Subject } from './reconciler.ts';

/**
 * The conditions with which a newer generation begins. That an older one failed or was given up says nothing about it:
 * what told so is not known until it has failed again. `since` (RFC 3339) is when that began; null leaves the times as
 * they are, where it is only shown before a worker has written it.
 */
export function startedAfresh(
  {
    conditions,
    generation,
    observedGeneration,
  }: Pick<Subject, 'conditions' | 'generation' | 'observedGeneration'>,
  since: string | null,
): Condition[] {
  const causes = conditions.filter((one) => isFailure(one) && one.observedGeneration < generation);
  const told = new Set(causes.map(({ message }) => message));
  // What worked has conditions of its own that tell of an earlier change; only the engine's are decided again each time.
  const isOver = (one: Condition): boolean =>
    causes.includes(one) ||
    (one.status !== 'True' && told.has(one.message) && (one.type === 'Ready' || observedGeneration === 0));
  return conditions.map((one) => {
    if (!isOver(one)) return one;
    const stalled = one.type === 'Stalled';
    const status = stalled ? 'False' : 'Unknown';
    const changed = since !== null && status !== one.status;
    return {
      ...one,
      status,
      reason: 'Retrying',
      message: stalled ? '' : 'It failed before and is being worked on again',
      observedGeneration: generation,
      lastTransitionTime: changed ? since : one.lastTransitionTime,
    };
  });
}

function isFailure({ type, status }: Condition): boolean {
  return type === 'Stalled' ? status === 'True' : type === 'Synced' && status === 'False';
}
