import { internalTable, tenantTable } from './helpers/tenant-table.ts';

/**
 * `asleep`, `kubernetes_version` and `plan` are what is wanted; `settled_plan` and `settled_version` are what was last
 * proven to be in place, to which a change that fails goes back.
 */
const workspaces = [
  `alter table hexabase.workspaces
     add column asleep boolean not null default false,
     add column sleep_reason text check (sleep_reason in ('asked', 'schedule', 'idle', 'deletion')),
     add column sleep_at text,
     add column wake_at text,
     add column time_zone text not null default 'UTC',
     add column idle_minutes integer check (idle_minutes > 0),
     add column schedule_due_at timestamptz,
     add column kubernetes_version text,
     add column settled_version text,
     add column running_version text,
     add column settled_plan text references hexabase.plans,
     add column deletion_due_at timestamptz,
     add column deletion_requested_by text`,
  'update hexabase.workspaces set settled_plan = plan where observed_generation > 0',
  // The look of every minute reads only workspaces that a clock may change.
  `create index workspaces_clocked on hexabase.workspaces (id)
     where deleted_at is null and (schedule_due_at is not null or idle_minutes is not null or deletion_due_at is not null)`,
];

/** Apart from the workspace's row: it is written all the time and changes nothing that anybody is told of. */
const usage = [
  `create table hexabase.workspace_usage (
     workspace_id text primary key references hexabase.workspaces on delete cascade,
     organization_id text not null,
     last_used_at timestamptz not null
   ) with (fillfactor = 70)`,
  'create index on hexabase.workspace_usage (organization_id)',
  ...tenantTable('workspace_usage', { grants: { api: 'select', worker: 'select, insert, update, delete' } }),
  `create function hexabase.note_use(ids text[], at timestamptz) returns void
     language sql volatile security definer set search_path = hexabase, pg_temp
     begin atomic
       insert into hexabase.workspace_usage (workspace_id, organization_id, last_used_at)
         select w.id, w.organization_id, at from hexabase.workspaces w where w.id = any (ids)
         on conflict (workspace_id) do update set last_used_at = greatest(workspace_usage.last_used_at, excluded.last_used_at);
     end`,
  'revoke execute on function hexabase.note_use from public',
  'grant execute on function hexabase.note_use to hexabase_api, hexabase_worker',
];

/** Tenants made in advance, of nobody. Each is born with the id of the workspace that it will be. */
const pool = [
  `create table hexabase.pool_members (
     id text primary key,
     host_cluster_id text references hexabase.host_clusters on delete set null,
     region text not null,
     isolation text not null check (isolation in ('shared', 'dedicated')),
     plan text not null references hexabase.plans,
     running_version text,
     observed_generation integer not null default 0,
     conditions jsonb not null default '[]',
     fence bigint not null default 0,
     ready_at timestamptz,
     created_at timestamptz not null default now(),
     deletion_requested_at timestamptz
   )`,
  'create index on hexabase.pool_members (plan)',
  'create index on hexabase.pool_members (host_cluster_id)',
  ...internalTable('pool_members', { worker: 'select, insert, update, delete' }),
  // A request takes a member in its own transaction but may not read the pool, hence a function with the owner's rights.
  // The queue's fence goes over with it: whoever still works for the pool writes with a lower one.
  `create function hexabase.claim_pool_member(host_in text, isolation_in text, organization_in text)
     returns table (member_id text, member_version text)
     language plpgsql volatile security definer set search_path = hexabase, pg_temp as $$
     declare taken hexabase.pool_members;
     begin
       select * into taken from hexabase.pool_members m
         where m.host_cluster_id is not distinct from host_in and m.isolation = isolation_in
           and m.ready_at is not null and m.deletion_requested_at is null
         order by m.ready_at limit 1 for update skip locked;
       if not found then return; end if;
       delete from hexabase.pool_members m where m.id = taken.id;
       update hexabase.inventory i set subject = 'workspace/' || taken.id, organization_id = organization_in
         where i.subject = 'pool-member/' || taken.id;
       insert into hexabase.reconcile_queue as q (kind, key, fence)
         select 'workspace', taken.id, coalesce(max(p.fence), 0) from hexabase.reconcile_queue p
         where p.kind = 'pool-member' and p.key = taken.id
         on conflict (kind, key) do update set fence = greatest(q.fence, excluded.fence);
       perform hexabase.enqueue('pool', 'refill');
       member_id := taken.id;
       member_version := taken.running_version;
       return next;
     end $$`,
  'revoke execute on function hexabase.claim_pool_member from public',
  'grant execute on function hexabase.claim_pool_member to hexabase_api, hexabase_worker',
];

export const up = [...workspaces, ...usage, ...pool];

export const down = [
  'drop function hexabase.claim_pool_member',
  'drop table hexabase.pool_members',
  'drop function hexabase.note_use',
  'drop table hexabase.workspace_usage',
  'drop index hexabase.workspaces_clocked',
  `alter table hexabase.workspaces
     drop column asleep, drop column sleep_reason, drop column sleep_at, drop column wake_at, drop column time_zone,
     drop column idle_minutes, drop column schedule_due_at, drop column kubernetes_version, drop column settled_version,
     drop column running_version, drop column settled_plan, drop column deletion_due_at,
     drop column deletion_requested_by`,
];
