import type { Persistence } from '../persistence.ts';
import type { Clients } from './clients.ts';
import { fenced } from './fences.ts';

type ClusterRows = Pick<
  Persistence,
  | 'insertCluster'
  | 'raiseFence'
  | 'findCluster'
  | 'listClusters'
  | 'countClusters'
  | 'updateConfig'
  | 'lostClusters'
  | 'setWakes'
  | 'dueClusters'
>;

/** What concerns the table of clusters alone. */
export function createClusterRows(clients: Clients): ClusterRows {
  const { query } = clients;
  return {
    async insertCluster({ id, uid, config, fence }) {
      const { rows } = await fenced(clients, { id, fence: fence ?? null }, (client) =>
        client.query<{ uid: string }>(
          'insert into kube.clusters (id, uid, config) values ($1, $2, $3) on conflict (id) do update set id = excluded.id returning uid',
          [id, uid, JSON.stringify(config)],
        ),
      );
      return { uid: rows[0]?.uid ?? uid, created: rows[0]?.uid === uid };
    },
    raiseFence: (id, fence) => fenced(clients, { id, fence }, async () => undefined),
    async findCluster(id) {
      const [row] = await query<{ uid: string; config: unknown }>(
        'select uid, config from kube.clusters where id = $1',
        [id],
      );
      return row;
    },
    listClusters: () => query('select id, uid from kube.clusters order by id', []),
    async countClusters() {
      const [row] = await query<{ count: number }>('select count(*)::int as count from kube.clusters', []);
      return row?.count ?? 0;
    },
    async updateConfig(id, config, fence) {
      await fenced(clients, { id, fence: fence ?? null }, (client) =>
        client.query('update kube.clusters set config = $2 where id = $1', [id, JSON.stringify(config)]),
      );
    },
    async lostClusters(owned) {
      const rows = await query<{ id: string }>(
        `select o.id from unnest($1::text[], $2::bigint[]) as o(id, epoch)
         left join kube.clusters c on c.id = o.id and c.epoch = o.epoch where c.id is null`,
        [owned.map(({ id }) => id), owned.map(({ epoch }) => epoch)],
      );
      return rows.map(({ id }) => id);
    },
    async setWakes(wakes) {
      await query(
        `update kube.clusters c set wake_at = to_timestamp(w.at / 1000)
         from unnest($1::text[], $2::float8[]) as w (id, at) where c.id = w.id`,
        [wakes.map(({ id }) => id), wakes.map(({ atMs }) => atMs)],
      );
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
