import type { WorkspaceId } from '@hexabase/kernel/id.ts';
import type { Tx } from '@hexabase/postgres/database.ts';
import { sql } from 'kysely';

/** Where workspaces have releases: a host cluster, or null for the driver that is built in. */
export interface RollOutPlace {
  hostClusterId: string | null;
  /** Any workspace there: who carries it can be asked. */
  workspaceId: WorkspaceId;
}

export async function rollOutPlaces(tx: Tx): Promise<RollOutPlace[]> {
  const { rows } = await sql<RollOutPlace>`
    select host_cluster_id as "hostClusterId", min(id) as "workspaceId" from workspaces
    where deleted_at is null and settled_release is not null group by host_cluster_id`.execute(tx);
  return rows;
}

export interface RollOutState {
  /** Workspaces that have it. */
  having: number;
  /** Workspaces that are on their way to any release. */
  underWay: number;
  /** Slugs of those that it was taken back from. */
  refusing: string[];
}

/** Any constant: two workers must not both begin. */
const rollOutLock = 7_239_031;

/** How far a release is on a host cluster. Until the end of this transaction nobody else begins anything. */
export async function holdRollOut(
  tx: Tx,
  { hostClusterId }: RollOutPlace,
  release: string,
): Promise<RollOutState> {
  await sql`select pg_advisory_xact_lock(${rollOutLock})`.execute(tx);
  const { rows } = await sql<RollOutState>`
    select count(*) filter (where settled_release = ${release})::int as having,
      count(*) filter (where release <> settled_release)::int as "underWay",
      coalesce(array_agg(slug order by slug) filter (where refused_release = ${release}), '{}') as refusing
    from workspaces
    where deleted_at is null and host_cluster_id is not distinct from ${hostClusterId}
      and settled_release is not null`.execute(tx);
  return rows[0] ?? { having: 0, underWay: 0, refusing: [] };
}

/**
 * Workspaces that work and in which nothing else is under way, oldest first. Those that sleep come when they are awake. What
 * cannot be repaired any more, because the record of its release is gone, is mended by the newest one.
 */
export async function rollOutCandidates(
  tx: Tx,
  { hostClusterId }: RollOutPlace,
  { release, limit }: { release: string; limit: number },
): Promise<string[]> {
  const { rows } = await sql<{ id: string }>`
    select id from workspaces
    where deleted_at is null and deletion_requested_at is null and host_cluster_id is not distinct from ${hostClusterId}
      and (phase = 'active' or conditions @> '[{"type": "Synced", "reason": "ReleaseGone"}]') and not asleep and generation = observed_generation
      and settled_release <> ${release} and release = settled_release
    order by created_at, id limit ${limit} for update skip locked`.execute(tx);
  return rows.map(({ id }) => id);
}
