import { sql } from 'kysely';
import type { Condition } from '@hexabase/kernel/conditions.ts';
import { findCondition } from '@hexabase/kernel/conditions.ts';
import { brandId, newId, type WorkspaceId } from '@hexabase/kernel/id.ts';
import type { Tx } from '@hexabase/postgres/database.ts';
import { addToOutbox } from '@hexabase/postgres/outbox.ts';
import { LeaseLostError } from '@hexabase/reconcile/step-log.ts';
import { enqueue } from '@hexabase/reconcile/queue.ts';
import type { StatusWrite, Subject } from '@hexabase/reconcile/reconciler.ts';

/** A project as its reconciler sees it. */
export interface ProjectSubject extends Subject {
  workspaceId: WorkspaceId;
  name: string;
  /** Of the plan that is in place around the workspace; one that was asked for may still be refused. */
  size: { cpuMilli: number; memoryMib: number; storageGib: number };
  /** The workspace has a cluster in which something can be made. */
  workspaceUsable: boolean;
  /** Nothing is done until it wakes, and that is no failure. */
  workspaceAsleep: boolean;
  deletionRequested: boolean;
}

export async function loadProject(tx: Tx, id: string): Promise<ProjectSubject | null> {
  const { rows } = await sql<{
    id: string;
    organization_id: string;
    workspace_id: string;
    name: string;
    generation: number;
    observed_generation: number;
    conditions: Condition[];
    operation_id: string | null;
    deletion_requested: boolean;
    usable: boolean;
    sleeping: boolean;
    cpu_milli: number;
    memory_mib: number;
    storage_gib: number;
  }>`
    select p.id, p.organization_id, p.workspace_id, p.name, p.generation, p.observed_generation, p.conditions, p.operation_id,
      p.deletion_requested_at is not null as deletion_requested,
      w.observed_generation > 0 and w.deletion_requested_at is null as usable,
      ${asleep} as sleeping,
      plans.cpu_milli, plans.memory_mib, plans.storage_gib
    from projects p join workspaces w on w.id = p.workspace_id
      join plans on plans.name = coalesce(w.settled_plan, w.plan)
    where p.id = ${id} and p.deleted_at is null`.execute(tx);
  const row = rows[0];
  if (!row) return null;
  return {
    id: row.id,
    organizationId: row.organization_id,
    workspaceId: brandId(row.workspace_id),
    name: row.name,
    generation: row.generation,
    observedGeneration: row.observed_generation,
    conditions: row.conditions,
    operationId: row.operation_id,
    deletionRequested: row.deletion_requested,
    workspaceUsable: row.usable,
    workspaceAsleep: row.sleeping,
    size: { cpuMilli: row.cpu_milli, memoryMib: row.memory_mib, storageGib: row.storage_gib },
  };
}

/** A project by the name of its namespace. */
export interface ProjectPlace {
  workspaceId: string;
  name: string;
}

/** Has living projects compared with what they should be; other namespaces are passed over. */
export async function wakeProjects(tx: Tx, places: readonly ProjectPlace[]): Promise<void> {
  await sql`
    select hexabase.enqueue('project', p.id) from (
      select distinct p.id from projects p
        join unnest(${places.map(({ workspaceId }) => workspaceId)}::text[], ${places.map(({ name }) => name)}::text[])
          as place (workspace_id, name) on place.workspace_id = p.workspace_id and place.name = p.name
      where p.deleted_at is null and p.deletion_requested_at is null) p`.execute(tx);
}

/**
 * What was proven does not count when the project is to be made again since: its namespace is no longer missing for
 * somebody having deleted it. Throws `LeaseLostError` when the project is gone, for example with its workspace.
 */
export async function saveProject(tx: Tx, subject: ProjectSubject, status: StatusWrite): Promise<void> {
  const { numAffectedRows } = await sql`
    update projects set
      conditions = ${JSON.stringify(status.conditions)}::jsonb,
      observed_generation = case when observed_generation = ${subject.observedGeneration}
        then greatest(observed_generation, ${status.observedGeneration}) else observed_generation end,
      progress = ${status.progress && JSON.stringify(status.progress)}::jsonb,
      phase = case when generation = ${subject.generation} then ${projectPhase(subject, status)} else phase end
    where id = ${subject.id} and deleted_at is null`.execute(tx);
  if (numAffectedRows !== 1n) throw new LeaseLostError(`project/${subject.id}`);
}

export async function livingProjects(tx: Tx): Promise<string[]> {
  const { rows } = await sql<{ id: string }>`select id from projects where deleted_at is null`.execute(tx);
  return rows.map((row) => row.id);
}

/** Throws an Error while the namespace is still recorded: then it is not gone. */
export async function buryProject(tx: Tx, subject: ProjectSubject): Promise<void> {
  const { rows } = await sql<{ left: number }>`
    select count(*)::int as left from inventory where subject = ${`project/${subject.id}`}`.execute(tx);
  if (rows[0]?.left !== 0) throw new Error('the inventory of the project is not empty');
  await sql`update projects set deleted_at = now(), deletion_requested_at = coalesce(deletion_requested_at, now()),
    progress = null where id = ${subject.id}`.execute(tx);
  await announceProject(tx, subject, 'project.removed');
}

export async function announceProject(tx: Tx, subject: ProjectSubject, action: string): Promise<void> {
  await sql`insert into audit_entries (id, organization_id, action, target, outcome, details)
    values (${newId()}, ${subject.organizationId}, ${action}, ${`project/${subject.id}`}, 'allowed',
      ${JSON.stringify({ name: subject.name, workspaceId: subject.workspaceId, by: 'reconciler' })}::jsonb)`.execute(
    tx,
  );
  await addToOutbox(tx, {
    subject: action,
    organizationId: subject.organizationId,
    payload: { id: subject.id, workspaceId: subject.workspaceId, name: subject.name },
  });
}

export interface KnownProject {
  id: string;
  name: string;
  deletionRequested: boolean;
  /** It has had a namespace: that this is not there any more means that somebody deleted it. */
  hadNamespace: boolean;
}

/** A workspace whose cluster answers, with its projects. */
export async function loadNamespaces(tx: Tx, workspaceId: string): Promise<NamespacesRow | null> {
  const { rows } = await sql<{
    organization_id: string;
    generation: number;
    contentUid: string | null;
    projects: KnownProject[];
  }>`
    select w.organization_id, w.generation, w.content_uid as "contentUid", coalesce((
      select jsonb_agg(jsonb_build_object('id', p.id, 'name', p.name,
        'deletionRequested', p.deletion_requested_at is not null, 'hadNamespace', p.observed_generation > 0))
      from projects p where p.workspace_id = w.id and p.deleted_at is null), '[]') as projects
    from workspaces w where w.id = ${workspaceId} and ${usable}`.execute(tx);
  const row = rows[0];
  if (!row) return null;
  const { organization_id: organizationId, generation, contentUid, projects } = row;
  return {
    id: workspaceId,
    organizationId,
    generation,
    observedGeneration: generation,
    conditions: [],
    operationId: null,
    contentUid,
    projects,
  };
}

export type NamespacesRow = Subject & { projects: KnownProject[]; contentUid: string | null };

const asleep = sql`(w.asleep or w.phase = 'asleep')`;
const usable = sql`w.observed_generation > 0 and w.deletion_requested_at is null and w.deleted_at is null and not ${asleep}`;

export async function usableWorkspaces(tx: Tx): Promise<string[]> {
  const { rows } = await sql<{ id: string }>`select w.id from workspaces w where ${usable}`.execute(tx);
  return rows.map((row) => row.id);
}

/** Makes projects of namespaces, and ends projects whose namespace is gone. Safe to repeat. */
export async function applyNamespaces(
  tx: Tx,
  workspace: Pick<Subject, 'id' | 'organizationId'>,
  change: { appeared: readonly string[]; vanished: readonly string[] },
): Promise<void> {
  for (const name of change.appeared) {
    const { rows } = await sql<{ id: string }>`
      insert into projects (id, workspace_id, organization_id, name, created_at)
      values (${newId()}, ${workspace.id}, ${workspace.organizationId}, ${name}, now())
      on conflict do nothing returning id`.execute(tx);
    for (const { id } of rows) await enqueue(tx, 'project', id);
  }
  if (change.vanished.length === 0) return;
  const { rows } = await sql<{ id: string }>`
    update projects set deletion_requested_at = now(), phase = 'deleting', generation = generation + 1
    where id = any (${[...change.vanished]}::text[]) and deletion_requested_at is null and deleted_at is null
    returning id`.execute(tx);
  for (const { id } of rows) await enqueue(tx, 'project', id);
}

function projectPhase(
  subject: ProjectSubject,
  status: StatusWrite,
): 'provisioning' | 'active' | 'deleting' | 'failed' {
  if (subject.deletionRequested) return 'deleting';
  if (findCondition(status.conditions, 'Stalled')?.status === 'True') return 'failed';
  return status.observedGeneration > 0 ? 'active' : 'provisioning';
}
