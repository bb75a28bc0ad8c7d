import { tenantTable } from './helpers/tenant-table.ts';

const everything = 'select, insert, update, delete';

/** A row with `deleted_at` is a tombstone: its slug is free again, and nobody is shown it. */
const workspaces = [
  `create table hexabase.workspaces (
     id text primary key,
     uid text not null,
     organization_id text not null references hexabase.organizations,
     slug text not null,
     name text not null,
     description text not null default '',
     plan text not null references hexabase.plans,
     region text not null,
     isolation text not null check (isolation in ('shared', 'dedicated')),
     generation integer not null default 1,
     observed_generation integer not null default 0,
     conditions jsonb not null default '[]',
     progress jsonb,
     phase text not null default 'provisioning'
       check (phase in ('provisioning', 'active', 'updating', 'degraded', 'asleep', 'deleting', 'failed')),
     finalizers text[] not null default '{}',
     fence bigint not null default 0,
     operation_id text,
     created_by text,
     created_at timestamptz not null default now(),
     deletion_requested_at timestamptz,
     deleted_at timestamptz
   )`,
  'create unique index workspaces_slug on hexabase.workspaces (slug) where deleted_at is null',
  'create index on hexabase.workspaces (organization_id, created_at desc) where deleted_at is null',
  'create index on hexabase.workspaces (plan)',
  ...tenantTable('workspaces', { grants: { api: everything, worker: everything } }),
];

const projects = [
  `create table hexabase.projects (
     id text primary key,
     workspace_id text not null references hexabase.workspaces on delete cascade,
     organization_id text not null,
     name text not null,
     generation integer not null default 1,
     observed_generation integer not null default 0,
     conditions jsonb not null default '[]',
     progress jsonb,
     phase text not null default 'provisioning' check (phase in ('provisioning', 'active', 'deleting', 'failed')),
     operation_id text,
     created_by text,
     created_at timestamptz not null default now(),
     deletion_requested_at timestamptz,
     deleted_at timestamptz
   )`,
  'create unique index projects_name on hexabase.projects (workspace_id, name) where deleted_at is null',
  'create index on hexabase.projects (organization_id)',
  ...tenantTable('projects', { grants: { api: everything, worker: everything } }),
];

const groups = [
  `create table hexabase.workspace_groups (
     id text primary key,
     workspace_id text not null references hexabase.workspaces on delete cascade,
     organization_id text not null,
     parent_id text references hexabase.workspace_groups on delete cascade,
     name text not null,
     created_at timestamptz not null default now(),
     unique (workspace_id, name)
   )`,
  'create index on hexabase.workspace_groups (parent_id)',
  ...tenantTable('workspace_groups', { grants: { api: everything, worker: everything } }),
  `create table hexabase.workspace_group_members (
     group_id text not null references hexabase.workspace_groups on delete cascade,
     user_id text not null,
     organization_id text not null,
     created_at timestamptz not null default now(),
     primary key (group_id, user_id)
   )`,
  'create index on hexabase.workspace_group_members (organization_id, user_id)',
  ...tenantTable('workspace_group_members', { grants: { api: everything, worker: everything } }),
];

/** Streams to people wake up on this; the payload is `<noun> <organization> <id>` and holds no content. */
const changes = [
  `create function hexabase.notify_change() returns trigger language plpgsql set search_path = hexabase, pg_temp as $$
     begin
       perform pg_notify('hexabase_changes', tg_argv[0] || ' ' || coalesce(new.organization_id, old.organization_id)
         || ' ' || coalesce(new.id, old.id));
       return null;
     end $$`,
  ...['workspaces', 'projects'].flatMap((table) => [
    `create trigger notify_insert after insert or delete on hexabase.${table}
       for each row execute function hexabase.notify_change('${table.slice(0, -1)}')`,
    `create trigger notify_update after update on hexabase.${table}
       for each row when (old.* is distinct from new.*) execute function hexabase.notify_change('${table.slice(0, -1)}')`,
  ]),
];

export const up = [...workspaces, ...projects, ...groups, ...changes];

export const down = [
  'drop table hexabase.workspace_group_members',
  'drop table hexabase.workspace_groups',
  'drop table hexabase.projects',
  'drop table hexabase.workspaces',
  'drop function hexabase.notify_change',
];
