import { sql } from 'kysely';
import { newId, type OrganizationId, type WorkspaceId } from '@hexabase/kernel/id.ts';
import type { Database, Tx } from '@hexabase/postgres/database.ts';

/** Rows as the use cases write them, for tests of what comes after. */
export async function givenOrganization(database: Database, plan = 'enterprise'): Promise<OrganizationId> {
  const id = newId<'Organization'>();
  await database.asIdentity((tx) =>
    sql`insert into organizations (id, slug, name, plan) values (${id}, ${`org-${id}`}, 'Organization', ${plan})`.execute(
      tx,
    ),
  );
  return id;
}

/** A workspace that was just asked for, with its operation; the reconcilers are awake. */
export async function requestWorkspace(
  database: Database,
  organizationId: OrganizationId,
  from: 'nothing' | 'the pool' = 'nothing',
): Promise<WorkspaceId> {
  return database.asWorker(async (tx) => {
    const { rows } = await sql<{ id: WorkspaceId }>`select member_id as id
      from hexabase.claim_pool_member(null, 'shared', ${organizationId}, 'pro') where ${from === 'the pool'}`.execute(
      tx,
    );
    const id = rows[0]?.id ?? newId<'Workspace'>();
    const operation = await newOperation(tx, {
      organizationId,
      kind: 'workspace.create',
      subject: `workspace/${id}`,
    });
    await sql`insert into workspaces (id, uid, organization_id, slug, name, plan, region, isolation, operation_id, finalizers)
      values (${id}, ${newId()}, ${organizationId}, ${`ws-${id}`}, 'Workspace', 'pro', 'local', 'shared', ${operation}, '{tenant-cluster}')`.execute(
      tx,
    );
    for (const name of ['WSAdmins', 'WSUsers']) {
      await sql`insert into groups (id, workspace_id, organization_id, name)
        values (${newId()}, ${id}, ${organizationId}, ${name})`.execute(tx);
    }
    await sql`select hexabase.enqueue('workspace', ${id})`.execute(tx);
    return id;
  });
}

/** A copy of another workspace that was just asked for. */
export async function requestClone(database: Database, sourceId: WorkspaceId): Promise<WorkspaceId> {
  const organizationId = await database.asWorker((tx) => organizationOf(tx, sourceId));
  const id = newId<'Workspace'>();
  const clone = { sourceId, sourceSlug: `ws-${sourceId}`, notCopied: ['contents of volumes'] };
  await database.asWorker(async (tx) => {
    const operation = await newOperation(tx, {
      organizationId,
      kind: 'workspace.clone',
      subject: `workspace/${id}`,
    });
    await sql`insert into workspaces (id, uid, organization_id, slug, name, plan, region, isolation, operation_id, finalizers, clone)
      values (${id}, ${newId()}, ${organizationId}, ${`ws-${id}`}, 'Copy', 'pro', 'local', 'shared', ${operation},
        '{tenant-cluster}', ${JSON.stringify(clone)}::jsonb)`.execute(tx);
    await sql`select hexabase.enqueue('workspace', ${id})`.execute(tx);
  });
  return id;
}

export async function requestWorkspaceUpdate(database: Database, id: WorkspaceId): Promise<void> {
  await database.asWorker(async (tx) => {
    const organizationId = await organizationOf(tx, id);
    const operation = await newOperation(tx, {
      organizationId,
      kind: 'workspace.update',
      subject: `workspace/${id}`,
    });
    await sql`update workspaces set plan = 'enterprise', phase = 'updating', generation = generation + 1,
      operation_id = ${operation} where id = ${id}`.execute(tx);
    await sql`select hexabase.enqueue('workspace', ${id})`.execute(tx);
  });
}

export async function requestWorkspaceDeletion(database: Database, id: WorkspaceId): Promise<void> {
  await database.asWorker(async (tx) => {
    const organizationId = await organizationOf(tx, id);
    const operation = await newOperation(tx, {
      organizationId,
      kind: 'workspace.delete',
      subject: `workspace/${id}`,
    });
    await sql`update workspaces set deletion_requested_at = now(), phase = 'deleting', generation = generation + 1,
      operation_id = ${operation} where id = ${id}`.execute(tx);
    await sql`select hexabase.enqueue('workspace', ${id})`.execute(tx);
  });
}

export type WorkspaceWish =
  | 'sleep'
  | 'wake'
  | 'restore'
  | { upgradeTo: string; plan?: string }
  | { plan: string };

/** What people may ask of a workspace that works, as the use cases write it. */
export async function requestOfWorkspace(
  database: Database,
  id: WorkspaceId,
  wish: WorkspaceWish,
): Promise<void> {
  await database.asWorker(async (tx) => {
    const organizationId = await organizationOf(tx, id);
    const verb = typeof wish === 'string' ? wish : 'upgradeTo' in wish ? 'upgrade' : 'update';
    const operation = await newOperation(tx, {
      organizationId,
      kind: `workspace.${verb}`,
      subject: `workspace/${id}`,
    });
    await sql`update workspaces set ${columnsOf(wish)}, generation = generation + 1, operation_id = ${operation},
      phase = case when phase = 'asleep' then phase else 'updating' end where id = ${id}`.execute(tx);
    await sql`select hexabase.enqueue('workspace', ${id})`.execute(tx);
  });
}

function columnsOf(wish: WorkspaceWish) {
  if (wish === 'sleep') return sql`asleep = true, sleep_reason = 'asked'`;
  if (typeof wish === 'string')
    return sql`asleep = false, sleep_reason = null, deletion_requested_at = null, deletion_due_at = null`;
  if (!('upgradeTo' in wish)) return sql`plan = ${wish.plan}`;
  return sql`kubernetes_version = ${wish.upgradeTo}, plan = coalesce(${wish.plan ?? null}, plan)`;
}

export async function requestProject(
  database: Database,
  workspaceId: WorkspaceId,
  name: string,
): Promise<string> {
  const id = newId<'Project'>();
  await database.asWorker(async (tx) => {
    const organizationId = await organizationOf(tx, workspaceId);
    const operation = await newOperation(tx, {
      organizationId,
      kind: 'project.create',
      subject: `project/${id}`,
    });
    await sql`insert into projects (id, workspace_id, organization_id, name, operation_id)
      values (${id}, ${workspaceId}, ${organizationId}, ${name}, ${operation})`.execute(tx);
    await sql`select hexabase.enqueue('project', ${id})`.execute(tx);
  });
  return id;
}

export async function requestProjectDeletion(database: Database, id: string): Promise<void> {
  await database.asWorker(async (tx) => {
    const { rows } = await sql<{
      organization_id: string;
    }>`select organization_id from projects where id = ${id}`.execute(tx);
    const operation = await newOperation(tx, {
      organizationId: rows[0]?.organization_id ?? '',
      kind: 'project.delete',
      subject: `project/${id}`,
    });
    await sql`update projects set deletion_requested_at = now(), phase = 'deleting', generation = generation + 1,
      operation_id = ${operation} where id = ${id}`.execute(tx);
    await sql`select hexabase.enqueue('project', ${id})`.execute(tx);
  });
}

/** Looks every few milliseconds until `look` answers something; the test's own time limit ends it. */
export async function until<T>(look: () => Promise<T | null | undefined | false>): Promise<T> {
  for (;;) {
    const found = await look();
    if (found) return found;
    await new Promise((resolve) => setTimeout(resolve, 10));
  }
}

async function organizationOf(tx: Tx, workspaceId: string): Promise<string> {
  const { rows } = await sql<{
    organization_id: string;
  }>`select organization_id from workspaces where id = ${workspaceId}`.execute(tx);
  return rows[0]?.organization_id ?? '';
}

async function newOperation(
  tx: Tx,
  what: { organizationId: string; kind: string; subject: string },
): Promise<string> {
  const id = newId<'Operation'>();
  await sql`insert into operations (id, organization_id, kind, subject) values (${id}, ${what.organizationId}, ${what.kind}, ${what.subject})`.execute(
    tx,
  );
  return id;
}
