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
import type { TargetContext, UseCase } from '../run/use-case.ts';
import { minorOf } from './life-cycle/kubernetes-version.ts';
import { choosePlan } from './plan-choice.ts';
import { toWorkspace } from './representation.ts';
import {
  claimPoolMember,
  insertWorkspace,
  type CloneRecord,
  type NewWorkspace,
  type WorkspaceRow,
} from './store.ts';

type Create = typeof workspace.operations.create;

/**
 * Writes the intent and answers at once with phase `provisioning`; the reconciler does the rest.
 * Throws `plan_limit_reached`, `unknown_region`, `no_capacity`, and `slug_taken` for a slug asked for by name.
 */
export const createWorkspace: UseCase<Create> = async (context, { body }) => {
  const row = await makeWorkspace(context, {
    ...body,
    kind: 'workspace.create',
    region: body.region ?? null,
    source: null,
  });
  return { data: toWorkspace(row, context.ports) };
};

/** A workspace that somebody asks for. */
interface Wish {
  kind: 'workspace.create' | 'workspace.clone';
  name: string;
  slug?: string | undefined;
  description: string;
  plan?: string | undefined;
  /** Null leaves it to us. */
  region: string | null;
  isolation: 'shared' | 'dedicated';
  /** Of a copy: it gets the source's version of Kubernetes where that is to be had. */
  source: { hostClusterId: string | null; kubernetesVersion: string | null; clone: CloneRecord } | null;
}

/** The one way to a new workspace, with everything that is checked before. Throws as `createWorkspace` does. */
export async function makeWorkspace(context: TargetContext, wish: Wish): Promise<WorkspaceRow> {
  const { tx, target, ports, nowMs } = context;
  const { isolation, source } = wish;
  const plan = await choosePlan(tx, await holdRoomForWorkspace(tx, target.organizationId), wish.plan);
  requireIsolation(plan, isolation);
  const place = await takePlace(tx, { region: wish.region, isolation, size: plan }, ports.defaultRegion);
  const { hostClusterId } = place;
  const { organizationId } = target;
  const wanted = { hostClusterId, isolation, organizationId, plan: plan.name };
  const warm = source ? null : await claimPoolMember(tx, wanted);
  const id = warm?.id ?? newId<'Workspace'>(nowMs);
  const operationId = await beginOperation(context, {
    kind: wish.kind,
    subject: `workspace/${id}`,
    organizationId,
    generation: 1,
  });
  const row = await insertWithSlug(context, wish, {
    id,
    plan: plan.name,
    operation_id: operationId,
    region: place.region,
    host_cluster_id: hostClusterId,
    ...(source ? columnsOfCopy(source, hostClusterId) : versionsOf(warm?.runningVersion ?? null)),
  });
  await makeDefaultGroups(tx, { workspaceId: id, organizationId, creatorId: context.actor.userId, nowMs });
  await wake(tx, 'workspace', id);
  context.note({ slug: row.slug, plan: plan.name, warm: warm !== null });
  context.afterCommit(() => ports.count('hexabase_workspaces_created_total', { plan: plan.name }));
  return row;
}

type Versions = Pick<NewWorkspace, 'kubernetes_version' | 'settled_version' | 'running_version' | 'clone'>;
type Made = Pick<NewWorkspace, 'id' | 'plan' | 'operation_id' | 'region' | 'host_cluster_id'> & Versions;

/** A tenant that was made in advance stays at the version that it has, also when newer ones are made with another. */
function versionsOf(running: string | null): Versions {
  const minor = minorOf(running);
  return { kubernetes_version: minor, settled_version: minor, running_version: running };
}

function columnsOfCopy(source: NonNullable<Wish['source']>, hostClusterId: string | null): Versions {
  const isBeside = source.hostClusterId === hostClusterId;
  return { clone: source.clone, ...(isBeside && { kubernetes_version: source.kubernetesVersion }) };
}

async function insertWithSlug(
  { tx, target, actor, nowMs }: TargetContext,
  wish: Wish,
  made: Made,
): Promise<WorkspaceRow> {
  const fields: Omit<NewWorkspace, 'slug'> = {
    ...made,
    uid: newId<'Uid'>(nowMs),
    organization_id: target.organizationId,
    name: wish.name,
    description: wish.description,
    isolation: wish.isolation,
    created_by: actor.userId,
    created_at: new Date(nowMs),
  };
  for (const slug of wish.slug === undefined ? slugCandidates(wish.name, 'ws') : [wish.slug]) {
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
