import { tenantTable } from './helpers/tenant-table.ts';

const everything = 'select, insert, update, delete';

/** Runs as the owner: a request sees of the table of accounts only what its own policy shows. */
const operators = [
  `create function hexabase.scope_is_operator() returns boolean
     language sql stable security definer set search_path = hexabase, pg_temp
     return exists (select 1 from hexabase.users
       where id = hexabase.scope_user() and platform_role = 'super_admin' and disabled_at is null)`,
  'revoke all on function hexabase.scope_is_operator() from public',
  'grant execute on function hexabase.scope_is_operator() to hexabase_api',
];

const isOperator = '(select hexabase.scope_is_operator())';

/** Host clusters belong to the platform: requests of tenants cannot see the table at all. */
const hostClusters = [
  `create table hexabase.host_clusters (
     id text primary key,
     name text not null unique,
     region text not null,
     labels jsonb not null default '{}',
     state text not null default 'active' check (state in ('active', 'cordoned', 'draining')),
     dedicated_nodes boolean not null default false,
     in_cluster boolean not null default false,
     server text,
     max_workspaces integer,
     max_cpu_milli integer,
     max_memory_mib integer,
     generation integer not null default 1,
     conditions jsonb not null default '[]',
     observed jsonb,
     checked_at timestamptz,
     failing_since timestamptz,
     check_due timestamptz not null default now(),
     created_by text,
     created_at timestamptz not null default now()
   )`,
  ...tenantTable('host_clusters', { visible: isOperator, grants: { api: everything, worker: everything } }),
];

/**
 * AES-256-GCM ciphertext under the master key, bound to its row by the additional data. A request can write it and not
 * read it: it lacks the right to select the column.
 */
const credentials = [
  `create table hexabase.host_cluster_credentials (
     host_cluster_id text primary key references hexabase.host_clusters on delete cascade,
     sealed text not null,
     updated_at timestamptz not null default now()
   )`,
  ...tenantTable('host_cluster_credentials', {
    visible: isOperator,
    grants: { api: 'select (host_cluster_id), insert, update, delete', worker: everything },
  }),
];

const placement = [
  'alter table hexabase.workspaces add column host_cluster_id text references hexabase.host_clusters on delete set null',
  'create index on hexabase.workspaces (host_cluster_id) where host_cluster_id is not null',
  // What the choice of a host needs, over all tenants: numbers, and nothing that is a tenant's.
  `create function hexabase.host_room() returns table (
       id text, name text, region text, state text, dedicated_nodes boolean, ready text, created_at timestamptz,
       max_workspaces integer, max_cpu_milli integer, max_memory_mib integer, observed jsonb,
       workspaces integer, cpu_milli float8, memory_mib float8)
     language sql stable security definer set search_path = hexabase, pg_temp
     begin atomic
       select h.id, h.name, h.region, h.state, h.dedicated_nodes,
         coalesce((select c ->> 'status' from jsonb_array_elements(h.conditions) c where c ->> 'type' = 'Ready'), 'Unknown'),
         h.created_at, h.max_workspaces, h.max_cpu_milli, h.max_memory_mib, h.observed,
         count(w.id)::integer, coalesce(sum(p.cpu_milli), 0)::float8, coalesce(sum(p.memory_mib), 0)::float8
       from hexabase.host_clusters h
       left join hexabase.workspaces w on w.host_cluster_id = h.id and w.deleted_at is null
       left join hexabase.plans p on p.name = w.plan
       group by h.id;
     end`,
  // Ids and phases for whoever empties a host cluster; names are the tenants' own.
  `create function hexabase.host_workspaces(host text) returns table (
       id text, isolation text, plan text, phase text, cpu_milli integer, memory_mib integer)
     language sql stable security definer set search_path = hexabase, pg_temp
     begin atomic
       select w.id, w.isolation, w.plan, w.phase, p.cpu_milli, p.memory_mib
       from hexabase.workspaces w join hexabase.plans p on p.name = w.plan
       where w.host_cluster_id = host and w.deleted_at is null
         and (session_user <> 'hexabase_api' or hexabase.scope_is_operator())
       order by w.created_at, w.id;
     end`,
  // Tenants made in advance, whose table comes later.
  `create function hexabase.host_pool_members(host text) returns integer
     language plpgsql stable security definer set search_path = hexabase, pg_temp as $$
     begin
       return (select count(*)::integer from hexabase.pool_members m where m.host_cluster_id = host);
     end $$`,
  ...['host_room()', 'host_workspaces(text)', 'host_pool_members(text)'].flatMap((name) => [
    `revoke all on function hexabase.${name} from public`,
    `grant execute on function hexabase.${name} to hexabase_api, hexabase_worker`,
  ]),
];

/** Whoever keeps connections to host clusters or looks at them wakes up on this; the payload is the id. */
const changes = [
  `create function hexabase.notify_host_cluster() returns trigger language plpgsql set search_path = hexabase, pg_temp as $$
     begin
       perform pg_notify('hexabase_host_clusters', coalesce(new.id, old.id));
       return null;
     end $$`,
  `create trigger notify_insert after insert or delete on hexabase.host_clusters
     for each row execute function hexabase.notify_host_cluster()`,
  `create trigger notify_update after update on hexabase.host_clusters
     for each row when (old.generation <> new.generation or old.check_due > new.check_due)
     execute function hexabase.notify_host_cluster()`,
];

export const up = [...operators, ...hostClusters, ...credentials, ...placement, ...changes];

export const down = [
  'drop function hexabase.host_pool_members(text)',
  'drop function hexabase.host_workspaces(text)',
  'drop function hexabase.host_room()',
  'alter table hexabase.workspaces drop column host_cluster_id',
  'drop table hexabase.host_cluster_credentials',
  'drop table hexabase.host_clusters',
  'drop function hexabase.notify_host_cluster',
  'drop function hexabase.scope_is_operator()',
];
