import type { Plan } from '@hexabase/contract/platform/plan.ts';
import type { workspace } from '@hexabase/contract/workspace.ts';
import { AppError } from '@hexabase/kernel/errors.ts';
import { newId } from '@hexabase/kernel/id.ts';
import { makeDefaultGroups } from '../groups/public.ts';
import { beginOperation } from '../operations/public.ts';
import { takePlace } from '../host-clusters/public.ts';
import { holdRoomForWorkspace } from '../organizations/public.ts';
import { slugCandidates } from '../run/slug.ts';
import { wake } from '../run/store.ts';
import type { Input, TargetContext, UseCase } from '../run/use-case.ts';
import { minorOf } from './life-cycle/kubernetes-version.ts';
import { choosePlan } from './plan-choice.ts';
import { toWorkspace } from './representation.ts';
import { claimPoolMember, insertWorkspace, type NewWorkspace, type WorkspaceRow } from './store.ts';

type Create = typeof workspace.operations.create;

/**
 * Writes the intent and answers at once with phase `provisioning`; the reconciler does the rest.
 * Throws `plan_limit_reached`, `unknown_region`, `no_capacity`, and `slug_taken` for a slug asked for by name.
 */
export const createWorkspace: UseCase<Create> = async (context, { body }) => {
  const { tx, target, ports, nowMs } = context;
  const plan = await choosePlan(tx, await holdRoomForWorkspace(tx, target.organizationId), body.plan);
  requireIsolation(plan, body.isolation);
  const place = await takePlace(
    tx,
    { region: body.region ?? null, isolation: body.isolation, size: plan },
    ports.defaultRegion,
  );
  const { hostClusterId } = place;
  const { isolation } = body;
  const warm = await claimPoolMember(tx, { hostClusterId, isolation, organizationId: target.organizationId });
  const id = warm?.id ?? newId<'Workspace'>(nowMs);
  const operationId = await beginOperation(context, {
    kind: 'workspace.create',
    subject: `workspace/${id}`,
    organizationId: target.organizationId,
    generation: 1,
  });
  const row = await insertWithSlug(context, body, {
    id,
    plan: plan.name,
    operation_id: operationId,
    region: place.region,
    host_cluster_id: hostClusterId,
    ...versionsOf(warm?.runningVersion ?? null),
  });
  await makeDefaultGroups(tx, {
    workspaceId: id,
    organizationId: target.organizationId,
    creatorId: context.actor.userId,
    nowMs,
  });
  await wake(tx, 'workspace', id);
  context.note({ slug: row.slug, plan: plan.name, warm: warm !== null });
  context.afterCommit(() => ports.count('hexabase_workspaces_created_total', { plan: plan.name }));
  return { data: toWorkspace(row, ports) };
};

type Versions = Pick<NewWorkspace, 'kubernetes_version' | 'settled_version' | 'running_version'>;
type Made = Pick<NewWorkspace, 'id' | 'plan' | 'operation_id' | 'region' | 'host_cluster_id'> & Versions;

/** A tenant that was made in advance stays at the version that it has, also when newer ones are made with another. */
function versionsOf(running: string | null): Versions {
  const minor = minorOf(running);
  return { kubernetes_version: minor, settled_version: minor, running_version: running };
}

async function insertWithSlug(
  { tx, target, actor, nowMs }: TargetContext,
  body: Input<Create>['body'],
  made: Made,
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
