import { internalTable } from './helpers/tenant-table.ts';

const seen = (columns: string, values: string) => [
  'drop function hexabase.hosts_seen()',
  `create function hexabase.hosts_seen() returns table (${columns})
     language sql stable security definer set search_path = hexabase, pg_temp
     begin atomic
       select ${values} from hexabase.host_clusters h;
     end`,
  'revoke all on function hexabase.hosts_seen() from public',
  'grant execute on function hexabase.hosts_seen() to hexabase_api, hexabase_worker',
];
const seenAt = 'least(h.failing_since, coalesce(h.checked_at, h.created_at))';

/**
 * Which releases servers have as their newest, and since when: servers with different settings share one database while they
 * are updated one by one, and one release must win. And one cluster is one host cluster: hosts that were the same one
 * before keep working, and count as known.
 */
export const up = [
  `create table hexabase.release_offers (
     host_cluster_id text references hexabase.host_clusters (id) on delete cascade,
     release text not null,
     first_offered_at timestamptz not null default clock_timestamp(),
     last_offered_at timestamptz not null default clock_timestamp(),
     unique nulls not distinct (host_cluster_id, release)
   )`,
  ...internalTable('release_offers', { worker: 'select, insert, update, delete' }),
  'alter table hexabase.host_clusters add column known_twice boolean not null default false',
  `update hexabase.host_clusters h set known_twice = true
     where exists (select 1 from hexabase.host_clusters o where o.cluster_uid = h.cluster_uid and o.id < h.id)`,
  'create unique index host_cluster_is_one on hexabase.host_clusters (cluster_uid) where not known_twice',
  // Also whether the last look failed: that is told at once.
  ...seen('id text, seen_at timestamptz, failing boolean', `h.id, ${seenAt}, h.failing_since is not null`),
];

export const down = [
  ...seen('id text, seen_at timestamptz', `h.id, ${seenAt}`),
  'drop index hexabase.host_cluster_is_one',
  'alter table hexabase.host_clusters drop column known_twice',
  'drop table hexabase.release_offers',
];
