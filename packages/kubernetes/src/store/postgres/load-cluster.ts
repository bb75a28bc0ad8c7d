import type { PoolClient } from 'pg';
import type { LoadOptions, PersistedCluster } from '../persistence.ts';
import { parseCluster, type ClusterRow, type LogColumns, type ObjectColumns } from './persistence-rows.ts';

/** The cluster's row goes first: whoever writes to the cluster waits for its lock and then finds no cluster. */
export async function removeRows(client: PoolClient, id: string): Promise<void> {
  await client.query('delete from kube.clusters where id = $1', [id]);
  await client.query('delete from kube.objects where cluster_id = $1', [id]);
  await client.query('delete from kube.log where cluster_id = $1', [id]);
}

/** Raising the epoch locks the cluster's row until everything is read, so that no commit falls in between. */
export async function loadRows(
  client: PoolClient,
  { id, logRows, epoch }: LoadOptions & { id: string },
): Promise<PersistedCluster | undefined> {
  const {
    rows: [cluster],
  } = await client.query<ClusterRow>(
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
