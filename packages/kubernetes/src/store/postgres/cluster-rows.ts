import type { Persistence } from '../persistence.ts';
import type { Clients } from './clients.ts';

type ClusterRows = Pick<
  Persistence,
  'insertCluster' | 'findCluster' | 'listClusters' | 'countClusters' | 'updateConfig' | 'lostClusters' | 'setWake' | 'dueClusters'
>;

/** What concerns the table of clusters alone. */
export function createClusterRows({ query }: Clients): ClusterRows {
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
    async lostClusters(owned) {
      const rows = await query<{ id: string }>(
        `select o.id from unnest($1::text[], $2::bigint[]) as o(id, epoch)
         left join kube.clusters c on c.id = o.id and c.epoch = o.epoch where c.id is null`,
        [owned.map(({ id }) => id), owned.map(({ epoch }) => epoch)],
      );
      return rows.map(({ id }) => id);
    },
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
