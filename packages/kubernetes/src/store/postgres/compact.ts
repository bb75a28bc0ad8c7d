import type { PoolClient } from 'pg';
import type { CompactionLimits } from '../persistence.ts';

/** Takes the cluster that has the most to give; a cluster whose old changes are still too young gives nothing. */
export async function compact(
  client: PoolClient,
  { revisions, beforeMs, rowsMax }: CompactionLimits,
): Promise<number> {
  const {
    rows: [row],
  } = await client.query<{ deleted: number }>(
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
