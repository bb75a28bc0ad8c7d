import type { PoolClient } from 'pg';
import { StaleFenceError } from '../../stale-fence.ts';
import type { Clients } from './clients.ts';

/** Does the work in one transaction with raising the fence of the id; null raises none. Throws `StaleFenceError`. */
export function fenced<T>(
  clients: Clients,
  { id, fence }: { id: string; fence: number | null },
  work: (client: PoolClient) => Promise<T>,
): Promise<T> {
  return clients.transaction(async (client) => {
    if (fence !== null) await raiseFence(client, id, fence);
    return work(client);
  });
}

/** Locks the fence of this id until the transaction ends, so that owners change a cluster one after the other. */
async function raiseFence(client: PoolClient, id: string, fence: number): Promise<void> {
  const raised = await client.query(
    `insert into kube.fences as f (cluster_id, fence) values ($1, $2)
     on conflict (cluster_id) do update set fence = excluded.fence where f.fence <= excluded.fence returning 1`,
    [id, fence],
  );
  if (raised.rowCount === 0) throw new StaleFenceError(id);
}
