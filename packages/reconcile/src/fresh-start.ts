import { findCondition, type Condition } from '@hexabase/kernel/conditions.ts';
import type { Subject } from './reconciler.ts';

/**
 * The conditions with which a newer generation begins. That an older one failed or was given up says nothing about it:
 * what told so is not known until it has failed again. `since` (RFC 3339) is when that began; null leaves the times as
 * they are, where it is only shown before a worker has written it.
 */
export function startedAfresh(subject: Told, since: string | null): Condition[] {
  const { conditions, generation } = subject;
  const causes = conditions.filter((one) => isFailure(one) && one.observedGeneration < generation);
  return withoutFailures(subject, causes, since);
}

/**
 * The conditions when a step of an operation is done after one has failed, which is that one, since it goes on where it
 * failed; or when one waits. The failure is what was, and the events of the operation tell it as that; whether what comes
 * next works is not known yet.
 */
export function goneOn(
  subject: Omit<Told, 'conditions'>,
  conditions: readonly Condition[],
  nowMs: number,
): Condition[] {
  const failed = findCondition(conditions, 'Synced');
  if (!failed || failed.status === 'True' || failed.reason === again.reason) return [...conditions];
  const causes = conditions.filter(
    (one) => one === failed || (isFailure(one) && one.message === failed.message),
  );
  return withoutFailures({ ...subject, conditions }, causes, new Date(nowMs).toISOString());
}

type Told = Pick<Subject, 'conditions' | 'generation' | 'observedGeneration'>;

const again = { reason: 'Retrying', message: 'It failed before and is being worked on again' } as const;

function withoutFailures(
  { conditions, generation, observedGeneration }: Told,
  causes: readonly Condition[],
  since: string | null,
): Condition[] {
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
      reason: again.reason,
      message: stalled ? '' : again.message,
      observedGeneration: generation,
      lastTransitionTime: changed ? since : one.lastTransitionTime,
    };
  });
}

function isFailure({ type, status }: Condition): boolean {
  return type === 'Stalled' ? status === 'True' : type === 'Synced' && status === 'False';
}
