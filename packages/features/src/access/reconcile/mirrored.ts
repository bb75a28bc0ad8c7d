import {
  findCondition,
  setCondition,
  type Condition,
  type ConditionInput,
} from '@hexabase/kernel/conditions.ts';
import { retryAfterMsOf } from '@hexabase/kernel/retry-after.ts';
import { sentences } from '@hexabase/kernel/text/sentences.ts';
import type { StatusWrite, StepResult } from '@hexabase/reconcile/reconciler.ts';
import { damped } from '../../workspaces/reconcile/probe.ts';
import type { AccessSubject } from './store.ts';
import type { Trouble } from './trouble.ts';

/** What waits for a finalizer is looked at again after this long. */
const heldPollMs = 15_000;
/** So many troubles are told in full. */
const toldMax = 2;
const worstFirst: readonly Trouble['gives'][] = ['more', 'other', 'less', 'nothing'];

/**
 * How a pass ends. What the workspace's own cluster refuses does not take `Ready` away: the workspace works for everybody
 * whose rights are as they should be, and whoever administers it may refuse us what they like.
 */
export function resultOf(
  troubles: readonly Trouble[],
  { conditions }: Pick<AccessSubject, 'conditions'>,
  nowMs: number,
): StepResult {
  if (troubles.length === 0) return { kind: 'done', conditions: [mirrored('True', 'InPlace', '')] };
  const message = wordsOf(troubles);
  if (troubles.some(({ kind }) => kind === 'refused')) {
    const condition = damped(conditions, mirrored('False', 'RefusedInside', message), nowMs);
    return { kind: 'failed', terminal: false, condition };
  }
  if (troubles.every(({ kind }) => kind === 'held')) {
    const condition = damped(conditions, mirrored('False', 'Held', message), nowMs);
    return { kind: 'wait', requeueAfterMs: heldPollMs, condition };
  }
  const retryAfterMs = Math.max(0, ...troubles.map(({ error }) => retryAfterMsOf(error) ?? 0));
  const condition = mirrored('Unknown', 'NotLookedAt', message);
  return { kind: 'failed', terminal: false, blind: true, retryAfterMs, condition };
}

/**
 * Of all that a pass says of itself only this is the workspace's. A pass that broke off has seen nothing: then it is not
 * known any more.
 */
export function conditionsOf(
  { generation }: Pick<AccessSubject, 'generation'>,
  { conditions }: Pick<StatusWrite, 'conditions'>,
  nowMs: number,
): Condition[] {
  const ours = conditions.filter(({ type }) => type === mirroredType);
  const broken = findCondition(conditions, 'Synced');
  if (!broken || broken.status === 'True') return ours;
  return setCondition(ours, mirrored('Unknown', broken.reason, broken.message), { generation, nowMs });
}

const mirroredType = 'AccessMirrored';

function mirrored(status: ConditionInput['status'], reason: string, message: string): ConditionInput {
  return { type: 'AccessMirrored', status, reason, message };
}

/** The worst first. The same troubles give the same words, in whichever order they were found. */
function wordsOf(troubles: readonly Trouble[]): string {
  const sorted = [...troubles].sort(
    (a, b) => worstFirst.indexOf(a.gives) - worstFirst.indexOf(b.gives) || (a.words < b.words ? -1 : 1),
  );
  const more = sorted.length - toldMax;
  const told = sorted.slice(0, toldMax).map(({ words }) => words);
  return sentences(...told, more > 0 ? `${more} more of its roles and bindings are not as decided` : '');
}
