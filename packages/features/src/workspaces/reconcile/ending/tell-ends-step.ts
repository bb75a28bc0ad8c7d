import { endsInWords } from '@hexabase/contract/workspace-sleep.ts';
import { findCondition, type ConditionInput } from '@hexabase/kernel/conditions.ts';
import type { Step } from '@hexabase/reconcile/reconciler.ts';
import { isAsleep } from '../../phase.ts';
import type { WorkspaceSubject } from '../store.ts';
import type { TenantDeps } from '../tenant.ts';
import { whatSleepEnds } from './what-ends.ts';

const lookMsMax = 5_000;

/**
 * Tells which pods and Jobs this sleep ends, whoever wanted it, while the API still answers. It holds nothing up: what cannot
 * be looked at is told as that. What was told stays until the next sleep, for whoever misses something.
 */
export function tellEndsStep({ driver }: TenantDeps): Step<WorkspaceSubject> {
  return {
    name: 'tell-ends',
    words: 'Looking what this sleep ends',
    timeoutMs: 2 * lookMsMax,
    looks: true,
    run: async ({ subject, signal }) => {
      // It has been looked at, and does not answer any more.
      if (isAsleep(subject.conditions)) return { kind: 'done' };
      const limit = AbortSignal.any([signal, AbortSignal.timeout(lookMsMax)]);
      try {
        const ends = await whatSleepEnds(driver, subject.id, limit);
        const words = ends && endsInWords(ends);
        if (words)
          return { kind: 'done', said: words, conditions: [workEnded('True', 'EndedBySleep', words)] };
        return { kind: 'done', conditions: forgotten(subject) };
      } catch {
        signal.throwIfAborted();
        const words = 'Nobody could look which pods and Jobs this sleep ends';
        return { kind: 'done', said: words, conditions: [workEnded('Unknown', 'NotSeen', words)] };
      }
    },
  };
}

function forgotten({ conditions }: WorkspaceSubject): ConditionInput[] {
  return findCondition(conditions, 'WorkEnded') ? [workEnded('False', 'NothingEnded', '')] : [];
}

function workEnded(status: ConditionInput['status'], reason: string, message: string): ConditionInput {
  return { type: 'WorkEnded', status, reason, message };
}
