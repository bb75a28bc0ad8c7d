/** When each host cluster was last seen to answer: from then on nobody knows how its workspaces are. Ids and times alone. */
const sight = [
  `create function hexabase.hosts_seen() returns table (id text, seen_at timestamptz)
     language sql stable security definer set search_path = hexabase, pg_temp
     begin atomic
       select h.id, least(h.failing_since, coalesce(h.checked_at, h.created_at)) from hexabase.host_clusters h;
     end`,
  'revoke all on function hexabase.hosts_seen() from public',
  'grant execute on function hexabase.hosts_seen() to hexabase_api, hexabase_worker',
];

/** What is on a host cluster was recorded under the name of the built-in driver, which did not make it. */
const inventory = [
  `update hexabase.inventory i set cluster = 'vcluster' from hexabase.workspaces w
     where w.host_cluster_id is not null
       and (i.kind = 'kubernetes-cluster' and i.key = w.id or i.kind = 'namespace' and starts_with(i.key, w.id || '/'))`,
];

export const up = [...sight, ...inventory];

export const down = ['drop function hexabase.hosts_seen()'];
