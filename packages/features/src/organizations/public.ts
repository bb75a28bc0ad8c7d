import type { Plan } from '@hexabase/contract/platform/plan.ts';
import { AppError } from '@hexabase/kernel/errors.ts';
import type { Tx } from '@hexabase/postgres/database.ts';
import { planOf } from '../plans/public.ts';
import { countLiveWorkspaces, getOrganizationRow, lockOrganizationRow } from './store.ts';

export { widenScope } from './store.ts';

/** The organization's plan, which stays as it is until the end of this transaction. */
export async function holdPlan(tx: Tx, organizationId: string): Promise<Plan> {
  return planOf(tx, (await lockOrganizationRow(tx, organizationId, 'share')).plan);
}

/**
 * The organization's plan, after making sure that it has room for one more workspace. While the plan has a limit, only
 * one transaction at a time may count. Throws `plan_limit_reached` with the way out.
 */
export async function holdRoomForWorkspace(tx: Tx, organizationId: string): Promise<Plan> {
  const seen = await planOf(tx, (await getOrganizationRow(tx, organizationId)).plan);
  const row = await lockOrganizationRow(tx, organizationId, seen.maxWorkspaces === null ? 'share' : 'update');
  const plan = await planOf(tx, row.plan);
  if (plan.maxWorkspaces === null) return plan;
  if (seen.maxWorkspaces === null) await lockOrganizationRow(tx, organizationId, 'update');
  const used = await countLiveWorkspaces(tx, organizationId);
  if (used < plan.maxWorkspaces) return plan;
  const next = plan.name === 'starter' ? 'pro' : 'enterprise';
  throw new AppError('plan_limit_reached', {
    message: `The plan ${plan.name} allows ${plan.maxWorkspaces} workspace${plan.maxWorkspaces === 1 ? '' : 's'}, and ${used} ${used === 1 ? 'is' : 'are'} there.`,
    details: { limit: plan.maxWorkspaces, used, howTo: `hks organization update ${row.slug} --plan ${next}` },
  });
}
