import type { Plan } from '@hexabase/contract/platform/plan.ts';
import { AppError } from '@hexabase/kernel/errors.ts';
import type { Tx } from '@hexabase/postgres/database.ts';
import { requirePlan } from '../plans/public.ts';

/** The workspace's own plan: what was asked for, else the organization's. Throws `plan_limit_reached` above that. */
export async function choosePlan(tx: Tx, organizationPlan: Plan, asked: string | undefined): Promise<Plan> {
  if (asked === undefined || asked === organizationPlan.name) return organizationPlan;
  const plan = await requirePlan(tx, asked);
  if (plan.rank <= organizationPlan.rank) return plan;
  throw new AppError('plan_limit_reached', {
    message: `A workspace cannot have a larger plan than its organization, which has ${organizationPlan.name}.`,
    details: {
      organizationPlan: organizationPlan.name,
      asked,
      howTo: `hks organization update <organization> --plan ${asked}`,
    },
  });
}
