import type { Plan } from '@hexabase/contract/platform/plan.ts';
import { AppError } from '@hexabase/kernel/errors.ts';
import type { Tx } from '@hexabase/postgres/database.ts';
import { findPlan } from './store.ts';

/** The plan that a request names. Throws `validation_failed` on `path` when there is none. */
export async function requirePlan(tx: Tx, name: string, path = 'plan'): Promise<Plan> {
  const plan = await findPlan(tx, name);
  if (plan) return plan;
  throw new AppError('validation_failed', {
    details: { fields: [{ path, message: 'there is no such plan; `hks plan list` shows them' }] },
  });
}

/** The plan that a row of ours refers to. */
export async function planOf(tx: Tx, name: string): Promise<Plan> {
  const plan = await findPlan(tx, name);
  if (!plan) throw new Error('a row refers to a plan that is gone');
  return plan;
}
