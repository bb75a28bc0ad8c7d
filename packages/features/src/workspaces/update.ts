import type { workspace } from '@hexabase/contract/workspace.ts';
import { AppError } from '@hexabase/kernel/errors.ts';
import { holdRoomForPlan } from '../host-clusters/public.ts';
import { holdPlan } from '../organizations/public.ts';
import { planOf } from '../plans/public.ts';
import type { Input, TargetContext, UseCase } from '../run/use-case.ts';
import { beginChange } from './life-cycle/begin-change.ts';
import { choosePlan } from './plan-choice.ts';
import { toWorkspace } from './representation.ts';
import { nextTurn, scheduleProblems } from './life-cycle/schedule.ts';
import { getWorkspaceRow, type WorkspaceChange, type WorkspaceRow } from './store.ts';

type Body = Input<typeof workspace.operations.update>['body'];

/**
 * Throws `workspace_not_active` for one that is being deleted, and for another plan of one that is being cloned, `plan_limit_reached` above the organization's plan, and
 * `no_capacity` for a larger plan that its host cluster has no room for.
 */
export const updateWorkspace: UseCase<typeof workspace.operations.update> = async (context, { body }) => {
  const { tx, target, ports } = context;
  const row = await getWorkspaceRow(tx, target.id);
  if (row.deletion_requested_at)
    throw new AppError('workspace_not_active', { details: { phase: row.phase } });
  const change = {
    ...namesOf(row, body),
    ...timesOf(row, body, context.nowMs),
    ...(body.plan !== undefined && body.plan !== row.plan && (await changePlan(context, row, body.plan))),
  };
  if (Object.keys(change).length === 0) return { data: toWorkspace(row, ports) };
  const changed = await beginChange(context, row, { kind: 'workspace.update', ...change });
  return { data: toWorkspace(changed, ports) };
};

/** Whether what runs fits into a smaller plan is seen by the reconciler, which else puts the old plan back. */
async function changePlan(
  context: TargetContext,
  row: WorkspaceRow,
  asked: string,
): Promise<WorkspaceChange> {
  // What is copied was compared with the plan before it was read, and counts for no quota until all of it is there.
  if (row.clone !== null && row.observed_generation === 0) {
    throw new AppError('workspace_not_active', {
      message: 'The workspace is still being cloned; its plan can be changed when it is ready.',
      details: { phase: row.phase },
    });
  }
  const organizationPlan = await holdPlan(context.tx, context.target.organizationId);
  const after = await choosePlan(context.tx, organizationPlan, asked);
  const plan = after.name;
  const before = await planOf(context.tx, row.plan);
  await holdRoomForPlan(context.tx, row.host_cluster_id, { before, after, plan });
  context.note({ planBefore: row.plan, planAfter: plan });
  return { plan };
}

function namesOf(row: WorkspaceRow, body: Body): WorkspaceChange {
  return {
    ...(body.name !== undefined && body.name !== row.name && { name: body.name }),
    ...(body.description !== undefined &&
      body.description !== row.description && { description: body.description }),
  };
}

/** When it sleeps. Throws `validation_failed` for what no clock ever shows. */
function timesOf(row: WorkspaceRow, body: Body, nowMs: number): WorkspaceChange {
  const wanted = {
    sleep_at: body.sleepAt === undefined ? row.sleep_at : cronOf(body.sleepAt),
    wake_at: body.wakeAt === undefined ? row.wake_at : cronOf(body.wakeAt),
    time_zone: body.timeZone ?? row.time_zone,
    idle_minutes: body.idleMinutes === undefined ? row.idle_minutes : body.idleMinutes || null,
  };
  const schedule = { sleepAt: wanted.sleep_at, wakeAt: wanted.wake_at, timeZone: wanted.time_zone };
  const isSame =
    wanted.sleep_at === row.sleep_at &&
    wanted.wake_at === row.wake_at &&
    wanted.time_zone === row.time_zone &&
    wanted.idle_minutes === row.idle_minutes;
  if (isSame) return {};
  const problems = scheduleProblems(schedule);
  if (problems.length > 0) throw new AppError('validation_failed', { details: { fields: problems } });
  const next = nextTurn(schedule, nowMs);
  return { ...wanted, schedule_due_at: next && new Date(next.atMs) };
}

function cronOf(text: string | null): string | null {
  return text === null || text.trim() === '' || text === 'never' ? null : text.trim();
}
