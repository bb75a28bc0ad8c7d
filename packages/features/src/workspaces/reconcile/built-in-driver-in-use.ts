import type { Tx } from '@hexabase/postgres/database.ts';
import { sql } from 'kysely';

/**
 * Name of the built-in driver that carries workspaces now, or tenants made in advance, as the inventory of external
 * things knows it; null while there are none.
 */
export async function builtInDriverInUse(tx: Tx): Promise<string | null> {
  const { rows } = await sql<{ cluster: string }>`
    select i.cluster from inventory i
    where i.kind = 'kubernetes-cluster' and i.orphan_since is null
      and (exists (select from workspaces w where w.id = i.key and w.deleted_at is null and w.host_cluster_id is null)
        or exists (select from pool_members m where m.id = i.key and m.host_cluster_id is null))
    limit 1`.execute(tx);
  return rows[0]?.cluster ?? null;
}
