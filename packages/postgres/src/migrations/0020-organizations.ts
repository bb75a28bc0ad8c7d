import { publicTable, scopeUser, scopeOrganizations, tenantTable } from './helpers/tenant-table.ts';

const everything = 'select, insert, update, delete';

const plans = [
  `create table hexabase.plans (
     name text primary key,
     display_name text not null,
     max_workspaces integer,
     cpu_milli integer not null,
     memory_mib integer not null,
     storage_gib integer not null,
     isolations text[] not null,
     support text not null,
     rank integer not null
   )`,
  ...publicTable('plans', { api: 'select', worker: 'select', identity: 'select' }),
  `insert into hexabase.plans (name, display_name, max_workspaces, cpu_milli, memory_mib, storage_gib, isolations, support, rank) values
     ('starter', 'Starter', 1, 2000, 4096, 20, '{shared}', 'community', 10),
     ('pro', 'Pro', 5, 8000, 32768, 200, '{shared,dedicated}', 'e-mail', 20),
     ('enterprise', 'Enterprise', null, 64000, 262144, 2000, '{shared,dedicated}', '24/7', 30)`,
];

const organizations = [
  `create table hexabase.organizations (
     id text primary key,
     slug text not null,
     name text not null,
     plan text not null references hexabase.plans,
     billing_email text,
     generation integer not null default 1,
     created_by text,
     created_at timestamptz not null default now()
   )`,
  'create unique index organizations_slug on hexabase.organizations (slug)',
  'create index on hexabase.organizations (plan)',
  ...tenantTable('organizations', {
    column: 'id',
    grants: { api: everything, worker: 'select', identity: 'select, insert' },
  }),
];

/** A person sees the memberships of their organizations, and always their own. */
const memberships = [
  `create table hexabase.memberships (
     organization_id text not null references hexabase.organizations on delete cascade,
     user_id text not null,
     role text not null check (role in ('owner', 'admin', 'developer', 'viewer')),
     created_at timestamptz not null default now(),
     primary key (organization_id, user_id)
   )`,
  'create index on hexabase.memberships (user_id, created_at)',
  ...tenantTable('memberships', {
    visible: `organization_id = any (${scopeOrganizations}) or user_id = ${scopeUser}`,
    writable: `organization_id = any (${scopeOrganizations})`,
    grants: { api: everything, worker: 'select', identity: 'select, insert' },
  }),
];

export const up = [...plans, ...organizations, ...memberships];

export const down = [
  'drop table hexabase.memberships',
  'drop table hexabase.organizations',
  'drop table hexabase.plans',
];
