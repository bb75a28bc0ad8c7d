import type { HostClusterObserved } from '@hexabase/contract/platform/host-cluster.ts';
import type { Condition } from '@hexabase/kernel/conditions.ts';
import type { Tx } from '@hexabase/postgres/database.ts';
import { sql } from 'kysely';

/** A host cluster that is to be looked at. */
export interface DueHost {
  id: string;
  name: string;
  generation: number;
  conditions: readonly Condition[];
  /** When its API stopped answering; null while it does. */
  failing_since: Date | null;
  /** Which cluster it is; null until it has answered for the first time. */
  cluster_uid: string | null;
  /** It is the one that the control plane runs in, and has no credentials of its own. */
  in_cluster: boolean;
}

/** Takes those that are due; nobody else looks at them before `againMs`. */
export async function takeDueHosts(tx: Tx, againMs: number): Promise<DueHost[]> {
  const { rows } = await sql<DueHost>`
    update host_clusters set check_due = now() + make_interval(secs => ${againMs / 1_000})
    where check_due <= now()
    returning id, name, generation, conditions, failing_since, cluster_uid, in_cluster`.execute(tx);
  return rows;
}

export interface Looked {
  id: string;
  conditions: readonly Condition[];
  /** Null keeps what was seen before. */
  observed: HostClusterObserved | null;
  /** Kept when it is the first one. */
  clusterUid: string | null;
  failingSince: Date | null;
  at: Date;
}

/** A look that began before another one ended does not overwrite it. */
export async function saveLook(
  tx: Tx,
  { id, conditions, observed, clusterUid, failingSince, at }: Looked,
): Promise<void> {
  await sql`
    update host_clusters set conditions = ${JSON.stringify(conditions)}::jsonb,
      observed = coalesce(${observed && JSON.stringify(observed)}::jsonb, observed),
      cluster_uid = coalesce(cluster_uid, ${ofNoOther(clusterUid, id)}),
      failing_since = ${failingSince}, checked_at = ${at}
    where id = ${id} and (checked_at is null or checked_at <= ${at})`.execute(tx);
}

/** SQL: the uid, null when it is another host cluster's already. */
function ofNoOther(uid: string | null, hostId: string) {
  return sql`(select ${uid}::text where not exists (
    select 1 from host_clusters o where o.cluster_uid = ${uid} and o.id <> ${hostId}))`;
}

/** Records which cluster a host cluster is when nobody knew, and answers the one that is recorded. Empty for another host's. */
export async function confirmCluster(tx: Tx, hostId: string, seen: string): Promise<string> {
  const { rows } = await sql<{ uid: string }>`
    update host_clusters set cluster_uid = coalesce(cluster_uid, ${ofNoOther(seen, hostId)}) where id = ${hostId}
    returning coalesce(cluster_uid, '') as uid`.execute(tx);
  // Its row has gone: nothing may be done there any more.
  return rows[0]?.uid ?? '';
}

/** A host cluster with what opens it; `sealed` is null for the one that the control plane runs in. */
export interface HostConnection {
  id: string;
  name: string;
  in_cluster: boolean;
  sealed: string | null;
}

export async function hostConnections(tx: Tx): Promise<HostConnection[]> {
  const { rows } = await sql<HostConnection>`
    select h.id, h.name, h.in_cluster, c.sealed
    from host_clusters h left join host_cluster_credentials c on c.host_cluster_id = h.id
    order by h.name`.execute(tx);
  return rows;
}

/**
 * Name of the host cluster that carries a workspace or a tenant that was made in advance, also when it is deleted already;
 * null for the built-in driver, undefined for what is not there. Written when the row is made and never changed.
 */
export async function placementOf(tx: Tx, workspaceId: string): Promise<string | null | undefined> {
  const { rows } = await sql<{ host: string | null }>`
    select h.name as host from (
      select host_cluster_id from workspaces where id = ${workspaceId}
      union all select host_cluster_id from pool_members where id = ${workspaceId}
    ) placed left join host_clusters h on h.id = placed.host_cluster_id`.execute(tx);
  return rows[0]?.host;
}
