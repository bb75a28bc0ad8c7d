import { internalTable, scopeOrganizations, scopeUser, tenantTable } from './helpers/tenant-table.ts';

const everything = 'select, insert, update, delete';

const schemas = [
  'create schema if not exists hexabase',
  'create schema if not exists oidc',
  'create schema if not exists kube',
  'grant usage on schema hexabase to hexabase_api, hexabase_worker, hexabase_identity',
  'grant usage on schema oidc to hexabase_identity',
  'grant usage on schema kube to hexabase_kube',
  `alter default privileges in schema oidc grant ${everything} on tables to hexabase_identity`,
  `alter default privileges in schema kube grant ${everything}, truncate on tables to hexabase_kube`,
  'alter default privileges in schema oidc grant usage, select, update on sequences to hexabase_identity',
  'alter default privileges in schema kube grant usage, select, update on sequences to hexabase_kube',
];

const scope = [
  `create function hexabase.scope_organizations() returns text[] language sql stable parallel safe
     return coalesce(string_to_array(nullif(current_setting('hexabase.organization_ids', true), ''), ','), '{}')`,
  `create function hexabase.scope_user() returns text language sql stable parallel safe
     return nullif(current_setting('hexabase.user_id', true), '')`,
];

const idempotency = [
  `create table hexabase.idempotency_keys (
     user_id text not null,
     organization_id text not null default '',
     key text not null,
     operation text not null,
     request_hash text not null,
     status integer,
     response jsonb,
     created_at timestamptz not null default now(),
     expires_at timestamptz not null default now() + interval '24 hours',
     primary key (user_id, organization_id, key)
   )`,
  'create index on hexabase.idempotency_keys (expires_at)',
  ...tenantTable('idempotency_keys', {
    visible: `user_id = ${scopeUser}`,
    grants: { api: everything, worker: 'select, delete' },
  }),
];

const audit = [
  `create table hexabase.audit_entries (
     id text primary key,
     organization_id text,
     sequence bigint,
     actor_id text,
     actor_email text,
     action text not null,
     target text not null,
     outcome text not null check (outcome in ('allowed', 'denied', 'failed')),
     request_id text not null default '',
     details jsonb not null default '{}',
     hash text,
     created_at timestamptz not null default now(),
     check ((sequence is null) = (hash is null))
   )`,
  "create unique index audit_entries_sequence on hexabase.audit_entries (coalesce(organization_id, ''), sequence)",
  'create index on hexabase.audit_entries (organization_id, created_at desc)',
  'create index audit_entries_unchained on hexabase.audit_entries (id) where sequence is null',
  // A denied attempt on somebody else's organization is written without an organization: it must not land in their log.
  ...tenantTable('audit_entries', {
    writable: `organization_id is null or organization_id = any (${scopeOrganizations})`,
    grants: { api: 'select, insert', worker: 'select, insert, update (sequence, hash)', identity: 'insert' },
  }),
  `create table hexabase.audit_heads (
     organization_id text primary key,
     sequence bigint not null,
     hash text not null,
     updated_at timestamptz not null default now()
   )`,
  ...tenantTable('audit_heads', { grants: { api: 'select', worker: 'select, insert, update' } }),
];

const outbox = [
  `create table hexabase.outbox (
     id text primary key,
     xid xid8 not null default pg_current_xact_id(),
     organization_id text,
     subject text not null,
     payload jsonb not null,
     created_at timestamptz not null default now(),
     published_at timestamptz
   )`,
  'create index outbox_waiting on hexabase.outbox (id) where published_at is null',
  'create index outbox_published on hexabase.outbox (published_at) where published_at is not null',
  ...tenantTable('outbox', {
    visible: 'false',
    writable: `organization_id is null or organization_id = any (${scopeOrganizations})`,
    grants: { api: 'insert', worker: everything, identity: 'insert' },
  }),
];

const operations = [
  `create table hexabase.operations (
     id text primary key,
     organization_id text not null,
     kind text not null,
     subject text not null,
     generation bigint not null default 1,
     state text not null default 'running' check (state in ('running', 'succeeded', 'failed', 'stuck')),
     step integer not null default 0,
     steps integer not null default 0,
     message text not null default '',
     report jsonb,
     created_by text,
     created_at timestamptz not null default now(),
     finished_at timestamptz
   )`,
  'create index on hexabase.operations (organization_id, created_at desc)',
  'create index on hexabase.operations (subject, created_at desc)',
  ...tenantTable('operations', { grants: { api: 'select, insert', worker: everything } }),
  `create table hexabase.operation_events (
     operation_id text not null references hexabase.operations on delete cascade,
     organization_id text not null,
     step text not null,
     attempt integer not null,
     kind text not null check (kind in ('intent', 'done', 'failed')),
     fence bigint not null,
     message text not null default '',
     at timestamptz not null default clock_timestamp(),
     primary key (operation_id, step, attempt, kind)
   )`,
  ...tenantTable('operation_events', { grants: { api: 'select', worker: 'select, insert, delete' } }),
];

const inventory = [
  `create table hexabase.inventory (
     cluster text not null,
     kind text not null,
     key text not null,
     subject text not null,
     organization_id text,
     fence bigint not null,
     external_uid text,
     orphan_since timestamptz,
     created_at timestamptz not null default now(),
     last_seen_at timestamptz,
     primary key (cluster, kind, key)
   )`,
  'create index on hexabase.inventory (subject)',
  ...internalTable('inventory', { worker: everything }),
];

/** `wishes` counts wake-ups: a wake-up that comes while a worker holds the key must not be lost when it lets go. */
const queue = [
  `create table hexabase.reconcile_queue (
     kind text not null,
     key text not null,
     due_at timestamptz not null default now(),
     wishes bigint not null default 1,
     lease_owner text,
     lease_expires_at timestamptz,
     fence bigint not null default 0,
     attempts integer not null default 0,
     stalled_since timestamptz,
     last_error text,
     updated_at timestamptz not null default now(),
     primary key (kind, key)
   ) with (fillfactor = 70)`,
  'create index on hexabase.reconcile_queue (due_at)',
  ...internalTable('reconcile_queue', { worker: everything }),
  // Requests may wake a key but neither read nor change the queue, hence a function with the owner's rights.
  `create function hexabase.enqueue(kind_in text, key_in text) returns void
     language sql volatile security definer set search_path = hexabase, pg_temp
     begin atomic
       insert into hexabase.reconcile_queue (kind, key) values (kind_in, key_in)
         on conflict (kind, key) do update
           set wishes = reconcile_queue.wishes + 1, due_at = least(reconcile_queue.due_at, now()), updated_at = now();
       select pg_notify('hexabase_wake', kind_in || '/' || key_in);
     end`,
  'revoke execute on function hexabase.enqueue from public',
  'grant execute on function hexabase.enqueue to hexabase_api, hexabase_worker, hexabase_identity',
];

export const up = [
  ...schemas,
  ...scope,
  ...idempotency,
  ...audit,
  ...outbox,
  ...operations,
  ...inventory,
  ...queue,
];

export const down = [
  'drop function hexabase.enqueue',
  ...[
    'reconcile_queue',
    'inventory',
    'operation_events',
    'operations',
    'outbox',
    'audit_heads',
    'audit_entries',
    'idempotency_keys',
  ].map((table) => `drop table hexabase.${table}`),
  'drop function hexabase.scope_organizations',
  'drop function hexabase.scope_user',
  'drop schema if exists kube',
  'drop schema if exists oidc',
  'drop schema hexabase',
];
