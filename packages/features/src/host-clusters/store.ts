import type { HostClusterObserved, HostClusterState } from '@hexabase/contract/platform/host-cluster.ts';
import type { Condition } from '@hexabase/kernel/conditions.ts';
import type { Tx } from '@hexabase/postgres/database.ts';
import { sql, type ColumnType, type Generated, type JSONColumnType, type Selectable } from 'kysely';
import { offsetOf, orderBy, type PageQuery } from '../run/paging.ts';
import { wake } from '../run/store.ts';
import { workspacesThatFit, type HostRoom } from './placement.ts';

export interface HostClusterTable {
  id: string;
  name: string;
  region: string;
  labels: ColumnType<Record<string, string>, string, string>;
  state: HostClusterState;
  dedicated_nodes: boolean;
  in_cluster: boolean;
  server: string | null;
  max_workspaces: number | null;
  max_cpu_milli: number | null;
  max_memory_mib: number | null;
  generation: Generated<number>;
  conditions: ColumnType<Condition[], string | undefined, string>;
  observed: JSONColumnType<HostClusterObserved> | null;
  /** Which cluster it is; null until it has answered for the first time. */
  cluster_uid: string | null;
  checked_at: Date | null;
  failing_since: Date | null;
  check_due: Generated<Date>;
  created_by: string | null;
  created_at: Date;
}

export interface HostClusterCredentialTable {
  host_cluster_id: string;
  sealed: string;
  updated_at: Generated<Date>;
}

declare module '@hexabase/postgres/schema.ts' {
  interface Schema {
    host_clusters: HostClusterTable;
    host_cluster_credentials: HostClusterCredentialTable;
  }
}

export type HostClusterRow = Selectable<HostClusterTable>;

const sortable = { name: 'name', region: 'region', createdAt: 'created_at' } as const;

/** Any constant: whoever chooses a host or removes one waits for the others. */
const placementLock = 7_239_030;

export async function listHostRows(
  tx: Tx,
  filter: PageQuery & { region?: string | undefined },
): Promise<{ rows: HostClusterRow[]; total: number }> {
  const order = orderBy(filter.sort, sortable, { column: 'name', direction: 'asc' });
  const found = tx
    .selectFrom('host_clusters')
    .$if(filter.region !== undefined, (query) => query.where('region', '=', filter.region ?? ''));
  const rows = await found
    .selectAll()
    .orderBy(order.column, order.direction)
    .orderBy('id')
    .limit(filter.limit)
    .offset(offsetOf(filter))
    .execute();
  const { total } = await found.select(sql<number>`count(*)::integer`.as('total')).executeTakeFirstOrThrow();
  return { rows, total };
}

/** By name or id; names are no UUIDs to anybody who reads them, so a host cluster named like one is found by it too. */
export async function findHostRow(tx: Tx, nameOrId: string, lock = false): Promise<HostClusterRow | null> {
  const row = await tx
    .selectFrom('host_clusters')
    .selectAll()
    .where((eb) => eb.or([eb('name', '=', nameOrId), eb('id', '=', nameOrId)]))
    .orderBy('name')
    // Not against whoever refers to it: a workspace that gets its place here may hold what we wait for next.
    .$if(lock, (query) => query.forNoKeyUpdate())
    .executeTakeFirst();
  return row ?? null;
}

export type NewHostCluster = Pick<
  HostClusterRow,
  | 'id'
  | 'name'
  | 'region'
  | 'labels'
  | 'dedicated_nodes'
  | 'in_cluster'
  | 'server'
  | 'max_workspaces'
  | 'max_cpu_milli'
  | 'max_memory_mib'
  | 'created_by'
  | 'created_at'
>;

/** Answers null when there is one of that name, or that is the same cluster. */
export async function insertHostRow(
  tx: Tx,
  row: NewHostCluster & Pick<HostClusterRow, 'cluster_uid'>,
): Promise<HostClusterRow | null> {
  const inserted = await tx
    .insertInto('host_clusters')
    .values({
      ...row,
      labels: JSON.stringify(row.labels),
      state: 'active',
      observed: null,
      checked_at: null,
      failing_since: null,
    })
    .onConflict((conflict) => conflict.doNothing())
    .returningAll()
    .executeTakeFirst();
  return inserted ?? null;
}

/** Name of another host cluster that is this cluster; null when there is none, or nobody knows which one this is. */
export async function hostOfCluster(tx: Tx, uid: string | null, exceptId?: string): Promise<string | null> {
  const { rows } = await sql<{ name: string }>`
    select name from host_clusters where cluster_uid = ${uid} and id is distinct from ${exceptId ?? null}
    order by known_twice, id limit 1`.execute(tx);
  return rows[0]?.name ?? null;
}

/** Never read back by requests: they may write the column and not select it. */
export async function writeCredentials(tx: Tx, hostId: string, sealed: string): Promise<void> {
  await sql`insert into host_cluster_credentials (host_cluster_id, sealed) values (${hostId}, ${sealed})
    on conflict (host_cluster_id) do update set sealed = ${sealed}, updated_at = now()`.execute(tx);
}

export type HostClusterChange = Partial<
  Pick<
    HostClusterRow,
    | 'region'
    | 'state'
    | 'labels'
    | 'dedicated_nodes'
    | 'server'
    | 'cluster_uid'
    | 'max_workspaces'
    | 'max_cpu_milli'
    | 'max_memory_mib'
  >
>;

/** Writes what operators ask for, starts a new generation and has it looked at soon. */
export async function changeHostRow(
  tx: Tx,
  row: HostClusterRow,
  { labels, ...change }: HostClusterChange,
): Promise<HostClusterRow> {
  if (change.state !== undefined) {
    // Whoever was given a place before is there when we look.
    await holdPlacement(tx);
    // Tenants are kept in advance only where workspaces may come.
    await wake(tx, 'pool', 'refill');
  }
  return tx
    .updateTable('host_clusters')
    .set({
      ...change,
      ...(labels && { labels: JSON.stringify(labels) }),
      generation: sql`generation + 1`,
      check_due: sql`now()`,
    })
    .where('id', '=', row.id)
    .returningAll()
    .executeTakeFirstOrThrow();
}

/** Has it looked at now. */
export async function askForCheck(tx: Tx, hostId: string): Promise<void> {
  await sql`update host_clusters set check_due = now() - interval '1 second' where id = ${hostId}`.execute(
    tx,
  );
}

export async function deleteHostRow(tx: Tx, hostId: string): Promise<void> {
  await tx.deleteFrom('host_clusters').where('id', '=', hostId).execute();
}

/** Until the end of this transaction nobody else chooses a host cluster or removes one. */
export async function holdPlacement(tx: Tx): Promise<void> {
  await sql`select pg_advisory_xact_lock(${placementLock})`.execute(tx);
}

/**
 * Waits for whoever is about to refer to this host cluster, and until the end of this transaction nobody begins to: a
 * foreign key takes `FOR KEY SHARE`. The pool does so without holding the choice of places.
 */
export async function holdReferences(tx: Tx, hostId: string): Promise<void> {
  await tx.selectFrom('host_clusters').select('id').where('id', '=', hostId).forUpdate().execute();
}

/** All host clusters in the order in which they were added, with what lives on them over all tenants: numbers only. */
export async function readHostRoom(tx: Tx): Promise<HostRoom[]> {
  const { rows } = await sql<{
    id: string;
    name: string;
    region: string;
    state: HostClusterState;
    dedicated_nodes: boolean;
    ready: HostRoom['ready'];
    max_workspaces: number | null;
    max_cpu_milli: number | null;
    max_memory_mib: number | null;
    observed: HostClusterObserved | null;
    workspaces: number;
    cpu_milli: number;
    memory_mib: number;
  }>`select * from hexabase.host_room() order by created_at, id`.execute(tx);
  return rows.map((row) => ({
    id: row.id,
    name: row.name,
    region: row.region,
    state: row.state,
    ready: row.ready,
    dedicatedNodes: row.dedicated_nodes,
    limits: {
      workspaces: row.max_workspaces ?? workspacesThatFit(row.observed),
      cpuMilli: row.max_cpu_milli,
      memoryMib: row.max_memory_mib,
    },
    used: { workspaces: row.workspaces, cpuMilli: row.cpu_milli, memoryMib: row.memory_mib },
  }));
}

/** When a host cluster was last seen to answer, and whether the last look got no answer. */
export interface HostSight {
  seenMs: number;
  failing: boolean;
}

/** When these host clusters were last seen to answer, in milliseconds, by id. */
export async function readHostSight(tx: Tx, hostIds: readonly string[]): Promise<Map<string, HostSight>> {
  const { rows } = await sql<{ id: string; seen_at: Date; failing: boolean }>`
    select id, seen_at, failing from hexabase.hosts_seen() where id = any (${[...hostIds]}::text[])`.execute(
    tx,
  );
  return new Map(rows.map((row) => [row.id, { seenMs: row.seen_at.getTime(), failing: row.failing }]));
}

/** A workspace as whoever empties a host cluster may know it. */
export interface RemainingWorkspace {
  id: string;
  isolation: 'shared' | 'dedicated';
  plan: string;
  phase: string;
  cpu_milli: number;
  memory_mib: number;
}

/** Tenants that were made there in advance and belong to nobody yet. */
export async function countPoolMembers(tx: Tx, hostId: string): Promise<number> {
  const { rows } = await sql<{
    count: number;
  }>`select hexabase.host_pool_members(${hostId}) as count`.execute(tx);
  return rows[0]?.count ?? 0;
}

export async function remainingWorkspaces(
  tx: Tx,
  hostId: string,
  limit: number,
): Promise<RemainingWorkspace[]> {
  const { rows } = await sql<RemainingWorkspace>`
    select * from hexabase.host_workspaces(${hostId}) limit ${limit}`.execute(tx);
  return rows;
}
