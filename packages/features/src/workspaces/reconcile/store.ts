import { sql } from 'kysely';
import type { Condition } from '@hexabase/kernel/conditions.ts';
import { brandId, newId, type WorkspaceId } from '@hexabase/kernel/id.ts';
import { addToOutbox } from '@hexabase/postgres/outbox.ts';
import type { Tx } from '@hexabase/postgres/database.ts';
import { LeaseLostError } from '@hexabase/reconcile/step-log.ts';
import type { StatusWrite, Subject } from '@hexabase/reconcile/reconciler.ts';
import { derivePhase } from '../phase.ts';
import { defaultGroups } from '../workspace.ts';

/** A workspace as its reconciler sees it. */
export interface WorkspaceSubject extends Subject {
  id: WorkspaceId;
  slug: string;
  size: { cpuMilli: number; memoryMib: number; storageGib: number };
  isolation: 'shared' | 'dedicated';
  groups: { admins: string | null; users: string | null };
  deletionRequested: boolean;
}

/** Null when it is gone, also when only its tombstone is left. */
export async function loadSubject(tx: Tx, id: string): Promise<WorkspaceSubject | null> {
  const { rows } = await sql<{
    id: string;
    organization_id: string;
    slug: string;
    generation: number;
    observed_generation: number;
    conditions: Condition[];
    operation_id: string | null;
    deletion_requested: boolean;
    cpu_milli: number;
    memory_mib: number;
    storage_gib: number;
    isolation: 'shared' | 'dedicated';
    admins: string | null;
    users: string | null;
  }>`
    select w.id, w.organization_id, w.slug, w.generation, w.observed_generation, w.conditions, w.operation_id,
      w.deletion_requested_at is not null as deletion_requested, p.cpu_milli, p.memory_mib, p.storage_gib, w.isolation,
      (select id from workspace_groups g where g.workspace_id = w.id and g.name = ${defaultGroups.admins}) as admins,
      (select id from workspace_groups g where g.workspace_id = w.id and g.name = ${defaultGroups.users}) as users
    from workspaces w join plans p on p.name = w.plan
    where w.id = ${id} and w.deleted_at is null`.execute(tx);
  const row = rows[0];
  if (!row) return null;
  return {
    id: brandId(row.id),
    organizationId: row.organization_id,
    slug: row.slug,
    generation: row.generation,
    observedGeneration: row.observed_generation,
    conditions: row.conditions,
    operationId: row.operation_id,
    deletionRequested: row.deletion_requested,
    size: { cpuMilli: row.cpu_milli, memoryMib: row.memory_mib, storageGib: row.storage_gib },
    isolation: row.isolation,
    groups: { admins: row.admins, users: row.users },
  };
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

/** The projects end with their workspace: it takes over what they have outside, so that its report names all of it. */
export async function endProjects(tx: Tx, subject: WorkspaceSubject): Promise<void> {
  await sql`
    with ended as (
      update projects set deletion_requested_at = coalesce(deletion_requested_at, now()), deleted_at = now(),
        phase = 'deleting', generation = generation + 1
      where workspace_id = ${subject.id} and deleted_at is null
      returning 'project/' || id as subject
    ), closed as (
      update operations o set state = 'succeeded', message = 'Ended with its workspace', finished_at = now()
      from ended where o.subject = ended.subject and o.state in ('running', 'stuck')
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
  await sql`delete from workspace_groups where workspace_id = ${subject.id}`.execute(tx);
  await announce(tx, subject, { action: 'workspace.removed', target: `workspace/${subject.id}` });
}
