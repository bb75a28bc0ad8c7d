import type { WorkspaceId } from '@hexabase/kernel/id.ts';
import type { Tx } from '@hexabase/postgres/database.ts';
import { sql } from 'kysely';

/** Where workspaces or tenants made in advance have releases: a host cluster, or null for the driver that is built in. */
export interface RollOutPlace {
  hostClusterId: string | null;
  /** Any of them: who carries it can be asked. */
  workspaceId: WorkspaceId;
}

export async function rollOutPlaces(tx: Tx): Promise<RollOutPlace[]> {
  const { rows } = await sql<RollOutPlace>`
    select host_cluster_id as "hostClusterId", min(id) as "workspaceId" from (
      select host_cluster_id, id from workspaces where deleted_at is null and settled_release is not null
      union all select host_cluster_id, id from pool_members where release is not null and deletion_requested_at is null
    ) as tenants group by host_cluster_id`.execute(tx);
  return rows;
}

export interface RollOutState {
  /** Workspaces that were upgraded to it and have it. Those that were made with it show nothing of the way there. */
  proven: number;
  /** Workspaces that are on their way to any release. One that sleeps goes on when it wakes, and holds up nobody until then. */
  underWay: number;
  /** Slugs of those of them that are not well. */
  unwell: string[];
  /** Slugs of those that it was taken back from, and that stay. */
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
    select count(*) filter (where settled_release = ${release} and upgraded_release = ${release})::int as proven,
      count(*) filter (where ${isUnderWay})::int as "underWay",
      coalesce(array_agg(slug order by slug) filter (where ${isUnderWay} and phase = 'degraded'), '{}') as unwell,
      coalesce(array_agg(slug order by slug) filter (where refused_release = ${release} and deletion_requested_at is null), '{}') as refusing
    from workspaces
    where deleted_at is null and host_cluster_id is not distinct from ${hostClusterId}
      and settled_release is not null`.execute(tx);
  return rows[0] ?? { proven: 0, underWay: 0, unwell: [], refusing: [] };
}

/**
 * Says that a server has this release as its newest there, and answers whether it is the one that was offered last: servers
 * with different settings share one database while they are updated one by one. An offer that nobody has made for ten
 * minutes is forgotten, and new when it is made again. After `holdRollOut`, so that nobody else offers meanwhile.
 */
export async function offerWins(tx: Tx, { hostClusterId }: RollOutPlace, release: string): Promise<boolean> {
  await sql`delete from release_offers where last_offered_at < now() - interval '10 minutes'`.execute(tx);
  await sql`
    insert into release_offers (host_cluster_id, release) values (${hostClusterId}, ${release})
    on conflict (host_cluster_id, release) do update set last_offered_at = clock_timestamp()`.execute(tx);
  const { rows } = await sql<{ release: string }>`
    select release from release_offers where host_cluster_id is not distinct from ${hostClusterId}
    order by first_offered_at desc limit 1`.execute(tx);
  return rows[0]?.release === release;
}

const isUnderWay = sql`(release <> settled_release and not asleep and deletion_requested_at is null)`;
const recordIsGone = sql`conditions @> '[{"type": "Synced", "reason": "ReleaseGone"}]'`;

/**
 * Workspaces that work and in which nothing else is under way, oldest first. Those that sleep come when they are awake. What
 * cannot be repaired, woken or resized any more, because the record of its release is gone, is mended by the newest one.
 * What is too far behind for this release waits for another; what was so for one before comes last.
 */
export async function rollOutCandidates(
  tx: Tx,
  { hostClusterId }: RollOutPlace,
  { release, limit }: { release: string; limit: number },
): Promise<string[]> {
  const { rows } = await sql<{ id: string }>`
    select id from workspaces
    where deleted_at is null and deletion_requested_at is null and host_cluster_id is not distinct from ${hostClusterId}
      and (phase = 'active' and generation = observed_generation or ${recordIsGone}) and not asleep
      and settled_release <> ${release} and release = settled_release
      and too_far_for is distinct from ${release}
    order by too_far_for is not null, created_at, id limit ${limit} for update skip locked`.execute(tx);
  return rows.map(({ id }) => id);
}

/** What is known of releases where a workspace is, or a tenant that is made in advance. */
export interface KnownReleases {
  /** Those that a workspace there went back from. */
  refused: string[];
  /** One with which others there work, as new as can be; null when there is none. */
  working: string | null;
}

/**
 * SQL: what is known of releases where a row is that the statement calls so, as jsonb; null while nothing was refused there.
 */
export function knownReleases(row: 'w' | 'm') {
  const host = sql.ref(`${row}.host_cluster_id`);
  const refused = sql`select r.refused_release from workspaces r
    where r.refused_release is not null and r.deleted_at is null and r.deletion_requested_at is null
      and r.host_cluster_id is not distinct from ${host}`;
  return sql`(
    select jsonb_build_object('refused', jsonb_agg(distinct refused_release), 'working', (
      select settled_release from workspaces t
      where t.deleted_at is null and t.host_cluster_id is not distinct from ${host}
        and settled_release not in (${refused}) and not ${recordIsGone}
      order by asleep, created_at desc, id desc limit 1))
    from (${refused}) as refusals having count(*) > 0)`;
}
