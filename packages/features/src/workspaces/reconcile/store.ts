import { sql, type RawBuilder } from 'kysely';
import type { Condition } from '@hexabase/kernel/conditions.ts';
import { newId, type WorkspaceId } from '@hexabase/kernel/id.ts';
import { addToOutbox } from '@hexabase/postgres/outbox.ts';
import type { Tx } from '@hexabase/postgres/database.ts';
import { LeaseLostError } from '@hexabase/reconcile/step-log.ts';
import type { StatusWrite, Subject } from '@hexabase/reconcile/reconciler.ts';
import { minorOf } from '../life-cycle/kubernetes-version.ts';
import { derivePhase } from '../phase.ts';
import { defaultGroups } from '../../groups/public.ts';
import type { SleepReason } from '../store.ts';
import { forgetCopy, type KeptCopy } from './clone/copy-store.ts';
import { knownReleases, type KnownReleases } from './roll-out/roll-out-store.ts';

/** A workspace as its reconciler sees it. */
export interface WorkspaceSubject extends Subject {
  id: WorkspaceId;
  slug: string;
  size: Size;
  isolation: 'shared' | 'dedicated';
  groups: { admins: string | null; users: string | null };
  deletionRequested: boolean;
  /** The deletion can still be taken back. */
  deletionPending: boolean;
  asleep: boolean;
  sleepReason: SleepReason | null;
  plan: string;
  /** Plan and size that are proven to be in place; null before the first time. */
  settledPlan: string | null;
  settledSize: Size | null;
  /** What ran did not fit into it when it was asked for; null when none was refused. */
  refusedPlan: string | null;
  refusedSize: Size | null;
  /** Wanted minor version; null is the driver's own choice. */
  kubernetesVersion: string | null;
  settledVersion: string | null;
  /** Wanted release of what runs its control plane; null until one was seen. */
  release: string | null;
  settledRelease: string | null;
  /** What decides which release it is made with; null when it has one, or all is as usual. */
  knownReleases: KnownReleases | null;
  /** The workspace that this one is a copy of. */
  cloneOf: string | null;
  /** What was read of it and is not all written yet. */
  copy: KeptCopy | null;
  sourceWasRead: boolean;
  /** Of the tenant that it is known to have; null before the first one, and where it is to be made anew. */
  tenantUid: string | null;
  /** When its tenant was found to hold nothing of what it held. */
  contentLostAt: Date | null;
  /** Its host cluster has never answered, so nothing can have been made there. */
  nothingMade: boolean;
  operationKind: string | null;
  operationStartedMs: number | null;
}

export interface Size {
  cpuMilli: number;
  memoryMib: number;
  storageGib: number;
}

interface SubjectRow {
  id: WorkspaceId;
  organizationId: string;
  slug: string;
  generation: number;
  observedGeneration: number;
  conditions: Condition[];
  operationId: string | null;
  deletionRequested: boolean;
  deletionPending: boolean;
  asleep: boolean;
  sleepReason: SleepReason | null;
  plan: string;
  settledPlan: string | null;
  size: Size;
  settledSize: Size | null;
  refusedPlan: string | null;
  refusedSize: Size | null;
  kubernetesVersion: string | null;
  settledVersion: string | null;
  release: string | null;
  settledRelease: string | null;
  knownReleases: KnownReleases | null;
  isolation: 'shared' | 'dedicated';
  admins: string | null;
  users: string | null;
  cloneOf: string | null;
  copy: KeptCopy | null;
  sourceWasRead: boolean;
  tenantUid: string | null;
  contentLostAt: Date | null;
  nothingMade: boolean;
  operationKind: string | null;
  operationStartedAt: Date | null;
}

/** Null when it is gone, also when only its tombstone is left. */
export async function loadSubject(tx: Tx, id: string): Promise<WorkspaceSubject | null> {
  const { rows } = await sql<SubjectRow>`
    select w.id, w.organization_id as "organizationId", w.slug, w.generation,
      w.observed_generation as "observedGeneration", w.conditions, w.operation_id as "operationId",
      w.deletion_requested_at is not null as "deletionRequested", w.deletion_due_at is not null as "deletionPending",
      w.asleep, w.sleep_reason as "sleepReason", w.plan, w.settled_plan as "settledPlan",
      w.kubernetes_version as "kubernetesVersion", w.settled_version as "settledVersion", w.isolation,
      w.release, w.settled_release as "settledRelease",
      case when w.release is null then ${knownReleases('w')} end as "knownReleases",
      ${sizeOf('p')} as size, case when s.name is not null then ${sizeOf('s')} end as "settledSize",
      r.name as "refusedPlan", case when r.name is not null then ${sizeOf('r')} end as "refusedSize",
      (select id from groups g where g.workspace_id = w.id and g.name = ${defaultGroups.admins}) as admins,
      (select id from groups g where g.workspace_id = w.id and g.name = ${defaultGroups.users}) as users,
      w.clone ->> 'sourceId' as "cloneOf",
      w.clone ? 'takenAt' is true as "sourceWasRead",
      (select jsonb_build_object('written', c.written, 'parts', c.parts, 'revision', c.revision, 'refusals', c.refusals,
          'objects', (w.clone ->> 'objects')::int) from workspace_copies c
        where c.workspace_id = w.id and w.deletion_requested_at is null) as copy,
      w.tenant_uid as "tenantUid", w.content_lost_at as "contentLostAt",
      w.tenant_uid is null and w.running_version is null and w.observed_generation = 0 and exists (
        select from host_clusters h where h.id = w.host_cluster_id and h.cluster_uid is null) as "nothingMade",
      o.kind as "operationKind", o.created_at as "operationStartedAt"
    from workspaces w join plans p on p.name = w.plan left join plans s on s.name = w.settled_plan
    left join plans r on r.name = w.refused_plan
    left join operations o on o.id = w.operation_id
    where w.id = ${id} and w.deleted_at is null`.execute(tx);
  const row = rows[0];
  if (!row) return null;
  const { admins, users, operationStartedAt, ...rest } = row;
  return {
    ...rest,
    groups: { admins, users },
    operationStartedMs: operationStartedAt?.getTime() ?? null,
  };
}

/** A version of Kubernetes that is not proven to be in place is wanted. */
export function isNewVersion({ kubernetesVersion, settledVersion }: WorkspaceSubject): boolean {
  return settledVersion !== null && kubernetesVersion !== settledVersion;
}

/** A release that is not proven to be in place is wanted. */
export function isNewRelease({ release, settledRelease }: WorkspaceSubject): boolean {
  return settledRelease !== null && release !== settledRelease;
}

function sizeOf(plans: 'p' | 's' | 'r') {
  const of = (column: string) => sql.ref(`${plans}.${column}`);
  return sql`jsonb_build_object('cpuMilli', ${of('cpu_milli')}, 'memoryMib', ${of('memory_mib')},
    'storageGib', ${of('storage_gib')})`;
}

/**
 * Writes status. The phase stays as it is when people asked for something newer meanwhile: they set what follows.
 * Throws `LeaseLostError` when a newer worker has written, or the workspace is gone.
 */
export async function saveStatus(tx: Tx, subject: WorkspaceSubject, status: StatusWrite): Promise<void> {
  const phase = derivePhase({ ...subject, ...status });
  const { numAffectedRows } = await sql`
    update workspaces set
      conditions = ${JSON.stringify(status.conditions)}::jsonb,
      observed_generation = greatest(observed_generation, ${status.observedGeneration}),
      progress = ${status.progress && JSON.stringify(status.progress)}::jsonb,
      phase = case when generation = ${subject.generation} then ${phase} else phase end,
      fence = ${status.fence}
    where id = ${subject.id} and fence <= ${status.fence} and deleted_at is null`.execute(tx);
  if (numAffectedRows !== 1n) throw new LeaseLostError(`workspace/${subject.id}`);
}

/** Ids that may have a tenant: workspaces, and what is made in advance. */
export async function tenantOwners(tx: Tx): Promise<string[]> {
  const { rows } = await sql<{ id: string }>`
    select id from workspaces where deleted_at is null union all select id from pool_members`.execute(tx);
  return rows.map((row) => row.id);
}

export async function livingWorkspaces(tx: Tx): Promise<string[]> {
  const { rows } = await sql<{ id: string }>`select id from workspaces where deleted_at is null`.execute(tx);
  return rows.map((row) => row.id);
}

/** Tells the audit log and the outside world, in the transaction that makes it true. */
export async function announce(
  tx: Tx,
  subject: Subject,
  event: { action: string; target: string },
): Promise<void> {
  await sql`insert into audit_entries (id, organization_id, action, target, outcome, details)
    values (${newId()}, ${subject.organizationId}, ${event.action}, ${event.target}, 'allowed',
      ${JSON.stringify({ operationId: subject.operationId, by: 'reconciler' })}::jsonb)`.execute(tx);
  await addToOutbox(tx, {
    subject: event.action,
    organizationId: subject.organizationId,
    payload: { id: subject.id, generation: subject.generation, operationId: subject.operationId },
  });
}

/** Notes what was proven to be in place, and lets the projects follow a new plan. */
export async function settle(tx: Tx, subject: WorkspaceSubject): Promise<void> {
  const isNew = subject.release !== subject.settledRelease;
  await sql`update workspaces set settled_plan = ${subject.plan},
      settled_version = coalesce(${subject.kubernetesVersion}, settled_version),
      settled_release = coalesce(${subject.release}, settled_release),
      upgraded_release = case when ${isNewRelease(subject)} then ${subject.release} else upgraded_release end,
      refused_release = case when ${isNew} then null else refused_release end,
      too_far_for = case when ${isNew} then null else too_far_for end
    where id = ${subject.id}`.execute(tx);
  if (subject.settledPlan !== null && subject.settledPlan !== subject.plan)
    await wakeProjects(tx, subject.id);
}

export async function wakeProjects(tx: Tx, workspaceId: string): Promise<void> {
  await sql`select hexabase.enqueue('project', id) from projects
    where workspace_id = ${workspaceId} and deleted_at is null`.execute(tx);
  await sql`select hexabase.enqueue('workspace-namespaces', ${workspaceId})`.execute(tx);
}

/** What runs. The first version and the first release that are seen are the ones that are wanted from then on. */
export async function noteVersion(
  tx: Tx,
  workspaceId: string,
  { running, release }: { running: string; release: string | null },
): Promise<void> {
  const minor = minorOf(running);
  await sql`update workspaces set running_version = ${running},
      kubernetes_version = coalesce(kubernetes_version, ${minor}), settled_version = coalesce(settled_version, ${minor}),
      release = coalesce(release, ${release}), settled_release = coalesce(settled_release, ${release})
    where id = ${workspaceId} and (running_version is distinct from ${running} or settled_version is null
      or settled_release is null and ${release}::text is not null)`.execute(tx);
}

/** The projects end with their workspace: it takes over what they have outside, so that its report names all of it. */
export async function endProjects(tx: Tx, subject: WorkspaceSubject): Promise<void> {
  await sql`
    with ended as (
      update projects set deletion_requested_at = coalesce(deletion_requested_at, now()), deleted_at = now(),
        phase = 'deleting', generation = generation + 1
      where workspace_id = ${subject.id} and deleted_at is null
      returning 'project/' || id as subject, name
    ), closed as (
      update operations o set state = 'succeeded', message = 'Ended with its workspace', finished_at = now()
      from ended where o.subject = ended.subject and o.state in ('running', 'stuck')
    ), told as (
      update operations o set report = ${withRemoved(sql`select 'project' as kind, name as key from ended`)}
      where o.id = ${subject.operationId}
    )
    update inventory i set subject = ${`workspace/${subject.id}`} from ended where i.subject = ended.subject`.execute(
    tx,
  );
}

/** Only the tombstone stays. Throws an Error while anything outside is still recorded: then it is not gone. */
export async function buryWorkspace(tx: Tx, subject: WorkspaceSubject): Promise<void> {
  const { rows } = await sql<{ left: number }>`
    select count(*)::int as left from inventory where subject = ${`workspace/${subject.id}`}`.execute(tx);
  if (rows[0]?.left !== 0) throw new Error('the inventory of the workspace is not empty');
  await sql`update workspaces set deleted_at = now(), finalizers = '{}', progress = null where id = ${subject.id}`.execute(
    tx,
  );
  await forgetCopy(tx, subject.id);
  await sql`
    with gone as (
      delete from groups where workspace_id = ${subject.id} returning name
    ), given as (
      delete from role_assignments where workspace_id = ${subject.id}
    ), made as (
      delete from roles where workspace_id = ${subject.id}
    ), unused as (
      delete from workspace_usage where workspace_id = ${subject.id}
    )
    update operations o set report = ${withRemoved(sql`select 'group' as kind, name as key from gone`)}
    where o.id = ${subject.operationId}`.execute(tx);
  await announce(tx, subject, { action: 'workspace.removed', target: `workspace/${subject.id}` });
}

/** The report with further items of `things` (kind, key). */
function withRemoved(things: RawBuilder<unknown>) {
  return sql`coalesce(o.report, '{"left": [], "checked": []}') || jsonb_build_object('removed',
    coalesce(o.report -> 'removed', '[]') || coalesce((
      select jsonb_agg(jsonb_build_object('kind', thing.kind, 'key', thing.key)) from (${things}) as thing), '[]'))`;
}
