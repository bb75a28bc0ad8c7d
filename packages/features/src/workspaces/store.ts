import type { WorkspacePhase } from '@hexabase/contract/workspace.ts';
import type { Condition } from '@hexabase/kernel/conditions.ts';
import type { OrganizationId } from '@hexabase/kernel/id.ts';
import type { Tx } from '@hexabase/postgres/database.ts';
import { sql, type ColumnType, type Generated, type JSONColumnType, type Selectable } from 'kysely';
import { offsetOf, orderBy, type PageQuery } from '../run/paging.ts';
import { phaseOfNextGeneration } from './workspace.ts';

export interface WorkspaceTable {
  id: string;
  uid: string;
  organization_id: string;
  slug: string;
  name: string;
  description: string;
  plan: string;
  region: string;
  /** Null is the driver that is built in. */
  host_cluster_id: string | null;
  isolation: 'shared' | 'dedicated';
  generation: Generated<number>;
  observed_generation: Generated<number>;
  conditions: ColumnType<Condition[], string | undefined, string>;
  /** Of the mirror of its roles in its cluster, which another reconciler writes. */
  access_conditions: ColumnType<Condition[], string | undefined, string>;
  progress: JSONColumnType<{ step: number; steps: number; message: string }> | null;
  phase: WorkspacePhase;
  finalizers: string[];
  fence: Generated<string>;
  operation_id: string | null;
  created_by: string | null;
  created_at: Date;
  deletion_requested_at: Date | null;
  deletion_requested_by: string | null;
  deletion_due_at: Date | null;
  deleted_at: Date | null;
  asleep: Generated<boolean>;
  sleep_reason: SleepReason | null;
  sleep_at: string | null;
  wake_at: string | null;
  time_zone: Generated<string>;
  idle_minutes: number | null;
  schedule_due_at: Date | null;
  kubernetes_version: string | null;
  settled_version: string | null;
  running_version: string | null;
  settled_plan: string | null;
  /** What is to run its control plane, and what is proven to; null where there is nothing of the kind. */
  release: string | null;
  settled_release: string | null;
  /** The one that was put back last, until another is in place. */
  refused_release: string | null;
  too_far_for: string | null;
  /** Null for a workspace that began empty. */
  clone: ColumnType<CloneRecord | null, string | null | undefined, string | null>;
}

/** What people are told of a copy; the last two are known once the source was read. */
export interface CloneRecord {
  sourceId: string;
  sourceSlug: string;
  /** In words. */
  notCopied: string[];
  /** RFC 3339. */
  takenAt?: string;
  objects?: number;
}

/** Why a workspace is meant to sleep. */
export type SleepReason = 'asked' | 'schedule' | 'idle' | 'deletion';

declare module '@hexabase/postgres/schema.ts' {
  interface Schema {
    workspaces: WorkspaceTable;
  }
}

export type WorkspaceRow = Selectable<WorkspaceTable>;

const sortable = {
  name: 'name',
  slug: 'slug',
  plan: 'plan',
  phase: 'phase',
  createdAt: 'created_at',
} as const;

export interface WorkspaceFilter extends PageQuery {
  organizationIds: readonly OrganizationId[];
  phase?: WorkspacePhase | undefined;
}

export async function listWorkspaceRows(
  tx: Tx,
  filter: WorkspaceFilter,
): Promise<{ rows: WorkspaceRow[]; total: number }> {
  const order = orderBy(filter.sort, sortable, { column: 'created_at', direction: 'desc' });
  const live = tx
    .selectFrom('workspaces')
    .where('organization_id', 'in', filter.organizationIds.length > 0 ? filter.organizationIds : [''])
    .where('deleted_at', 'is', null)
    .$if(filter.phase !== undefined, (query) => query.where('phase', '=', filter.phase ?? 'active'));
  const rows = await live
    .selectAll()
    .orderBy(order.column, order.direction)
    .orderBy('id', order.direction)
    .limit(filter.limit)
    .offset(offsetOf(filter))
    .execute();
  const { total } = await live.select(sql<number>`count(*)::integer`.as('total')).executeTakeFirstOrThrow();
  return { rows, total };
}

export async function getWorkspaceRow(tx: Tx, id: string): Promise<WorkspaceRow> {
  return tx.selectFrom('workspaces').selectAll().where('id', '=', id).executeTakeFirstOrThrow();
}

/** The live workspaces among `ids` that the transaction may see. */
export async function findWorkspaceRows(tx: Tx, ids: readonly string[]): Promise<WorkspaceRow[]> {
  if (ids.length === 0) return [];
  return tx
    .selectFrom('workspaces')
    .selectAll()
    .where('id', 'in', ids)
    .where('deleted_at', 'is', null)
    .execute();
}

export async function countActiveRows(tx: Tx): Promise<number> {
  const { rows } = await sql<{ count: number }>`
    select count(*)::integer as count from workspaces where phase = 'active' and deleted_at is null`.execute(
    tx,
  );
  return rows[0]?.count ?? 0;
}

export type NewWorkspace = Pick<
  WorkspaceRow,
  | 'id'
  | 'uid'
  | 'organization_id'
  | 'slug'
  | 'name'
  | 'description'
  | 'plan'
  | 'region'
  | 'host_cluster_id'
  | 'isolation'
  | 'operation_id'
  | 'created_by'
  | 'created_at'
> &
  Partial<Pick<WorkspaceRow, 'kubernetes_version' | 'settled_version' | 'running_version' | 'clone'>>;

/** Answers null when a live workspace has the slug, of whichever tenant. */
export async function insertWorkspace(tx: Tx, row: NewWorkspace): Promise<WorkspaceRow | null> {
  const inserted = await tx
    .insertInto('workspaces')
    .values({
      ...row,
      clone: row.clone ? JSON.stringify(row.clone) : null,
      phase: 'provisioning',
      finalizers: ['tenant-cluster'],
      progress: null,
      deletion_requested_at: null,
      deleted_at: null,
    })
    .onConflict((conflict) => conflict.doNothing())
    .returningAll()
    .executeTakeFirst();
  return inserted ?? null;
}

export type WorkspaceChange = Partial<
  Pick<
    WorkspaceRow,
    | 'name'
    | 'description'
    | 'plan'
    | 'operation_id'
    | 'deletion_requested_at'
    | 'deletion_requested_by'
    | 'deletion_due_at'
    | 'asleep'
    | 'sleep_reason'
    | 'sleep_at'
    | 'wake_at'
    | 'time_zone'
    | 'idle_minutes'
    | 'schedule_due_at'
    | 'kubernetes_version'
    | 'release'
  >
>;

/** Writes what people ask for and starts a new generation; conditions and progress belong to the reconciler. */
export async function changeWorkspaceRow(
  tx: Tx,
  row: WorkspaceRow,
  change: WorkspaceChange,
): Promise<WorkspaceRow> {
  const phase = phaseOfNextGeneration({
    conditions: row.conditions,
    generation: row.generation,
    observedGeneration: row.observed_generation,
    deletionRequested: { ...row, ...change }.deletion_requested_at !== null,
  });
  return tx
    .updateTable('workspaces')
    .set({ ...change, phase, generation: sql`generation + 1` })
    .where('id', '=', row.id)
    .returningAll()
    .executeTakeFirstOrThrow();
}

/** Workspaces that somebody uses at this moment: idleness is counted from here. */
export async function noteUse(tx: Tx, ids: readonly string[], nowMs: number): Promise<void> {
  await sql`select hexabase.note_use(${[...ids]}::text[], ${new Date(nowMs)})`.execute(tx);
}

/**
 * Takes a tenant that was made in advance on that host cluster, the one whose size is nearest to that of the plan; the
 * caller's workspace gets its id. Null when none is ready. Two requests never get the same one; when this transaction fails, it is given back.
 */
export async function claimPoolMember(
  tx: Tx,
  wanted: {
    hostClusterId: string | null;
    isolation: 'shared' | 'dedicated';
    organizationId: string;
    plan: string;
  },
): Promise<{ id: string; runningVersion: string | null } | null> {
  const { hostClusterId, isolation, organizationId, plan } = wanted;
  const { rows } = await sql<{ id: string; runningVersion: string | null }>`
    select member_id as id, member_version as "runningVersion"
    from hexabase.claim_pool_member(${hostClusterId}, ${isolation}, ${organizationId}, ${plan})`.execute(tx);
  return rows[0] ?? null;
}
