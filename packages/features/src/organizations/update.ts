import type { organization } from '@hexabase/contract/organization.ts';
import type { Plan } from '@hexabase/contract/platform/plan.ts';
import { AppError } from '@hexabase/kernel/errors.ts';
import { requirePlan } from '../plans/public.ts';
import type { TargetContext, UseCase } from '../run/use-case.ts';
import {
  countLiveWorkspaces,
  getOrganizationRow,
  highestWorkspaceRank,
  toOrganization,
  updateOrganizationRow,
  type OrganizationChange,
} from './store.ts';

/**
 * Changes name, billing address or plan. Throws `plan_limit_reached` for a plan that is too small for what is there. A plan
 * that keeps the audit log for fewer days shortens it only 30 days later: the database sees to that, and the answer says it.
 */
export const updateOrganization: UseCase<typeof organization.operations.update> = async (
  context,
  { body },
) => {
  const { tx, target, role } = context;
  const row = await getOrganizationRow(tx, target.id);
  const change: OrganizationChange = {};
  let plan: Plan | null = null;
  if (body.name !== undefined && body.name !== row.name) change.name = body.name;
  if (body.billingEmail !== undefined && body.billingEmail !== row.billing_email)
    change.billing_email = body.billingEmail;
  if (body.plan !== undefined && body.plan !== row.plan) {
    plan = await requirePlan(tx, body.plan);
    await requireRoom(context, plan);
    change.plan = body.plan;
    context.note({ planBefore: row.plan, planAfter: body.plan });
  }
  if (Object.keys(change).length === 0) return { data: { ...toOrganization(row, role), notice: null } };
  const changed = toOrganization(await updateOrganizationRow(tx, target.id, change), role);
  if (plan === null || changed.auditKeptUntil === null) return { data: { ...changed, notice: null } };
  context.note({ auditDaysAfter: plan.auditDays, auditKeptUntil: changed.auditKeptUntil });
  return { data: { ...changed, notice: shorterLog(plan, changed.auditKeptUntil) } };
};

function shorterLog(plan: Plan, keptUntil: string): string {
  return (
    `The plan ${plan.name} keeps the audit log for ${plan.auditDays} days, which is shorter than before. ` +
    `From ${keptUntil.slice(0, 10)} on older entries are deleted; export them before (hks audit export).`
  );
}

async function requireRoom({ tx, target }: TargetContext, plan: Plan): Promise<void> {
  const used = await countLiveWorkspaces(tx, target.id);
  if (plan.maxWorkspaces !== null && used > plan.maxWorkspaces) {
    throw new AppError('plan_limit_reached', {
      message: `The plan ${plan.name} allows fewer workspaces than there are.`,
      details: { limit: plan.maxWorkspaces, used, howTo: 'hks workspace delete <workspace>' },
    });
  }
  if ((await highestWorkspaceRank(tx, target.id)) > plan.rank) {
    throw new AppError('plan_limit_reached', {
      message: `A workspace has a larger plan than ${plan.name}.`,
      details: { plan: plan.name, howTo: `hks workspace update <workspace> --plan ${plan.name}` },
    });
  }
}
