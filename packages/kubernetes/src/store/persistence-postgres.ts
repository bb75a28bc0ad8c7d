import { AppError, isAppError } from '@hexabase/kernel/errors.ts';
import type { Pool, PoolClient } from 'pg';
import { commitStatement, commitValues } from './postgres/commit-statement.ts';
import { parseCluster, type ClusterRow, type LogColumns, type ObjectColumns } from './postgres/persistence-rows.ts';
import type { CompactionLimits, LoadOptions, PersistedCluster, Persistence } from './persistence.ts';

/**
 * Keeps clusters in the schema `kube` of PostgreSQL 15 or newer. The pool stays the caller's: end it after the stores.
 * Needs two connections at most at a time for writing, more only for loading several clusters at once.
 * Errors: AppError `storage_full`, or `database_unavailable` with the driver's error as cause.
 */
export function createPostgresPersistence(pool: Pool): Persistence {
  const tuned = new WeakSet<PoolClient>();

  async function withClient<T>(run: (client: PoolClient) => Promise<T>): Promise<T> {
    let client: PoolClient | undefined;
    try {
      client = await pool.connect();
      const result = await run(client);
      client.release();
      return result;
    } catch (error) {
      client?.release(true);
      throw translate(error);
    }
  }

  const query = <Row extends object>(text: string, values: unknown[]): Promise<Row[]> =>
    withClient(async (client) => (await client.query<Row>(text, values)).rows);

  return {
    async insertCluster({ id, uid, config }) {
      const [row] = await query<{ uid: string }>(
        'insert into kube.clusters (id, uid, config) values ($1, $2, $3) on conflict (id) do update set id = excluded.id returning uid',
        [id, uid, JSON.stringify(config)],
      );
      return { uid: row?.uid ?? uid, created: row?.uid === uid };
    },
    async findCluster(id) {
      const [row] = await query<{ uid: string; config: unknown }>('select uid, config from kube.clusters where id = $1', [id]);
      return row;
    },
    listClusters: () => query('select id, uid from kube.clusters order by id', []),
    async countClusters() {
      const [row] = await query<{ count: number }>('select count(*)::int as count from kube.clusters', []);
      return row?.count ?? 0;
    },
    async updateConfig(id, config) {
      await query('update kube.clusters set config = $2 where id = $1', [id, JSON.stringify(config)]);
    },
    removeCluster: (id) => withClient((client) => inTransaction(client, () => removeRows(client, id))),
    load: (id, options) => withClient((client) => inTransaction(client, () => loadRows(client, { id, ...options }))),
    commit: (batch) =>
      withClient(async (client) => {
        if (!tuned.has(client)) {
          // Planning anew for each batch would cost more than running it.
          await client.query('set plan_cache_mode = force_generic_plan');
          tuned.add(client);
        }
        const { rows } = await client.query<{ id: string }>({ name: 'kube-commit', text: commitStatement, values: commitValues(batch) });
        const accepted = new Set(rows.map(({ id }) => id));
        return { refused: new Set(batch.clusters.map(({ id }) => id).filter((id) => !accepted.has(id))) };
      }),
    async lostClusters(owned) {
      const rows = await query<{ id: string }>(
        `select o.id from unnest($1::text[], $2::bigint[]) as o(id, epoch)
         left join kube.clusters c on c.id = o.id and c.epoch = o.epoch where c.id is null`,
        [owned.map(({ id }) => id), owned.map(({ epoch }) => epoch)],
      );
      return rows.map(({ id }) => id);
    },
    compact: (keep) => withClient((client) => compact(client, keep)),
    async setWake(id, atMs) {
      await query('update kube.clusters set wake_at = to_timestamp($2::float8 / 1000) where id = $1', [id, atMs]);
    },
    async dueClusters(nowMs) {
      const rows = await query<{ id: string }>(
        'select id from kube.clusters where wake_at <= to_timestamp($1::float8 / 1000) order by wake_at',
        [nowMs],
      );
      return rows.map(({ id }) => id);
    },
  };
}

async function inTransaction<T>(client: PoolClient, run: () => Promise<T>): Promise<T> {
  await client.query('begin');
  const result = await run();
  await client.query('commit');
  return result;
}

/** The cluster's row goes first: whoever writes to the cluster waits for its lock and then finds no cluster. */
async function removeRows(client: PoolClient, id: string): Promise<void> {
  await client.query('delete from kube.clusters where id = $1', [id]);
  await client.query('delete from kube.objects where cluster_id = $1', [id]);
  await client.query('delete from kube.log where cluster_id = $1', [id]);
}

/** Raising the epoch locks the cluster's row until everything is read, so that no commit falls in between. */
async function loadRows(client: PoolClient, { id, logRows, epoch }: LoadOptions & { id: string }): Promise<PersistedCluster | undefined> {
  const { rows: [cluster] } = await client.query<ClusterRow>(
    `update kube.clusters set epoch = epoch + 1 where id = $1 and epoch = coalesce($2::bigint, epoch)
     returning uid, config, epoch, rev, compact_rev`,
    [id, epoch ?? null],
  );
  if (cluster === undefined) return undefined;
  const objects = await client.query<ObjectColumns>({
    rowMode: 'array',
    name: 'kube-load-objects',
    text: 'select resource, namespace, name, rev, value from kube.objects where cluster_id = $1',
    values: [id],
  });
  const log = await client.query<LogColumns>({
    rowMode: 'array',
    name: 'kube-load-log',
    text: `select resource, namespace, name, rev, type, previous, (extract(epoch from written_at) * 1000)::float8
           from kube.log where cluster_id = $1 and rev > $2 order by rev desc limit $3`,
    values: [id, cluster.compact_rev, logRows],
  });
  return parseCluster(cluster, objects.rows, log.rows.reverse());
}

/** Takes the cluster that has the most to give; a cluster whose old changes are still too young gives nothing. */
async function compact(client: PoolClient, { revisions, beforeMs, rowsMax }: CompactionLimits): Promise<number> {
  const { rows: [row] } = await client.query<{ deleted: number }>(
    `with chosen as (
       select c.id, c.rev - $1 as upto
       from kube.clusters c, lateral (select l.written_at from kube.log l where l.cluster_id = c.id order by l.rev limit 1) oldest
       where c.rev - c.compact_rev > $1 and oldest.written_at < to_timestamp($2::float8 / 1000)
       order by c.rev - c.compact_rev desc limit 1
     ), old as (
       select l.cluster_id, l.rev, l.written_at from kube.log l, chosen
       where l.cluster_id = chosen.id and l.rev <= chosen.upto order by l.rev limit $3
     ), gone as (
       delete from kube.log l using old
       where l.cluster_id = old.cluster_id and l.rev = old.rev and old.written_at < to_timestamp($2::float8 / 1000)
       returning l.cluster_id, l.rev
     ), moved as (
       update kube.clusters c set compact_rev = greatest(c.compact_rev, g.rev)
       from (select cluster_id, max(rev) as rev from gone group by cluster_id) g where c.id = g.cluster_id
     )
     select count(*)::int as deleted from gone`,
    [revisions, beforeMs, rowsMax],
  );
  return row?.deleted ?? 0;
}

function translate(error: unknown): unknown {
  if (isAppError(error)) return error;
  const code = error instanceof Error && 'code' in error ? error.code : undefined;
  return new AppError(code === '53100' || code === 'ENOSPC' ? 'storage_full' : 'database_unavailable', { cause: error });
}

