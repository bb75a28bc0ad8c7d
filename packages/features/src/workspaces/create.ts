import type { Plan } from '@hexabase/contract/plan.ts';
import type { workspace } from '@hexabase/contract/workspace.ts';
import { AppError } from '@hexabase/kernel/errors.ts';
import { newId } from '@hexabase/kernel/id.ts';
import { beginOperation } from '../operations/public.ts';
import { takePlace } from '../host-clusters/public.ts';
import { holdRoomForWorkspace } from '../organizations/public.ts';
import { slugCandidates } from '../run/slug.ts';
import { wake } from '../run/store.ts';
import type { Input, TargetContext, UseCase } from '../run/use-case.ts';
import { choosePlan } from './plan-choice.ts';
import { toWorkspace } from './representation.ts';
import {
  insertGroupMember,
  insertGroups,
  insertWorkspace,
  type NewWorkspace,
  type WorkspaceRow,
} from './store.ts';
import { defaultGroups } from './workspace.ts';

type Create = typeof workspace.operations.create;

/**
 * Writes the intent and answers at once with phase `provisioning`; the reconciler does the rest.
 * Throws `plan_limit_reached`, `unknown_region`, `no_capacity`, and `slug_taken` for a slug asked for by name.
 */
export const createWorkspace: UseCase<Create> = async (context, { body }) => {
  const { tx, target, ports, nowMs } = context;
  const plan = await choosePlan(tx, await holdRoomForWorkspace(tx, target.organizationId), body.plan);
  requireIsolation(plan, body.isolation);
  const id = newId<'Workspace'>(nowMs);
  const operationId = await beginOperation(context, {
    kind: 'workspace.create',
    subject: `workspace/${id}`,
    organizationId: target.organizationId,
    generation: 1,
  });
  const place = await takePlace(
    tx,
    { region: body.region ?? null, isolation: body.isolation, size: plan },
    ports.defaultRegion,
  );
  const row = await insertWithSlug(context, body, {
    id,
    plan: plan.name,
    operation_id: operationId,
    region: place.region,
    host_cluster_id: place.hostClusterId,
  });
  await makeGroups(context, row);
  await wake(tx, 'workspace', id);
  context.note({ slug: row.slug, plan: plan.name });
  context.afterCommit(() => ports.count('hexabase_workspaces_created_total', { plan: plan.name }));
  return { data: toWorkspace(row, ports) };
};

async function insertWithSlug(
  { tx, target, actor, nowMs }: TargetContext,
  body: Input<Create>['body'],
  made: Pick<NewWorkspace, 'id' | 'plan' | 'operation_id' | 'region' | 'host_cluster_id'>,
): Promise<WorkspaceRow> {
  const fields: Omit<NewWorkspace, 'slug'> = {
    ...made,
    uid: newId<'Uid'>(nowMs),
    organization_id: target.organizationId,
    name: body.name,
    description: body.description,
    isolation: body.isolation,
    created_by: actor.userId,
    created_at: new Date(nowMs),
  };
  for (const slug of body.slug === undefined ? slugCandidates(body.name, 'ws') : [body.slug]) {
    const row = await insertWorkspace(tx, { ...fields, slug });
    if (row) return row;
  }
  throw new AppError('slug_taken');
}

function requireIsolation(plan: Plan, isolation: 'shared' | 'dedicated'): void {
  if (plan.isolations.includes(isolation)) return;
  throw new AppError('plan_limit_reached', {
    message: `The plan ${plan.name} does not include ${isolation} isolation.`,
    details: { isolations: plan.isolations },
  });
}

/** `WorkspaceMembers → WSAdmins, WSUsers`, with the creator among the administrators. */
async function makeGroups({ tx, actor, nowMs }: TargetContext, row: WorkspaceRow): Promise<void> {
  const members = newId<'Group'>(nowMs);
  const admins = newId<'Group'>(nowMs);
  await insertGroups(tx, row, [
    { id: members, name: defaultGroups.members, parentId: null },
    { id: admins, name: defaultGroups.admins, parentId: members },
    { id: newId<'Group'>(nowMs), name: defaultGroups.users, parentId: members },
  ]);
  await insertGroupMember(tx, {
    group_id: admins,
    user_id: actor.userId,
    organization_id: row.organization_id,
  });
}
