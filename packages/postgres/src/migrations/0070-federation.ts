import { internalTable, tenantTable } from './helpers/tenant-table.ts';

/**
 * Whose tokens an organization takes, and as which of its service accounts. What is given for them is an API token of
 * that account which goes with the rule; `federation_uses` remembers tokens that were taken, so that each is taken once.
 */
export const up = [
  `create table hexabase.federations (
     id text primary key,
     organization_id text not null references hexabase.organizations on delete cascade,
     user_id text not null,
     name text not null,
     issuer text not null check (issuer like 'https://%'),
     audience text not null,
     conditions text[] not null check (cardinality(conditions) > 0),
     scope text not null check (scope in ('read', 'write', 'workspace')),
     workspace_id text references hexabase.workspaces on delete cascade,
     created_by text not null,
     created_at timestamptz not null,
     last_used_at timestamptz,
     check ((scope = 'workspace') = (workspace_id is not null)),
     foreign key (organization_id, user_id) references hexabase.users (organization_id, id) on delete cascade
   )`,
  'create unique index federations_name on hexabase.federations (organization_id, name)',
  'create index on hexabase.federations (user_id, issuer)',
  'create index on hexabase.federations (workspace_id)',
  ...tenantTable('federations', {
    grants: { api: 'select, insert, delete', identity: 'select, insert, delete, update (last_used_at)' },
  }),
  `create table hexabase.federation_uses (
     id text primary key,
     expires_at timestamptz not null
   )`,
  'create index on hexabase.federation_uses (expires_at)',
  ...internalTable('federation_uses', { identity: 'select, insert, delete' }),
  'alter table hexabase.api_tokens add column federation_id text references hexabase.federations on delete cascade',
  'create index on hexabase.api_tokens (federation_id)',
  'drop index hexabase.api_tokens_name',
  `create unique index api_tokens_name on hexabase.api_tokens (user_id, lower(name))
     where revoked_at is null and federation_id is null`,
  'grant select (federation_id) on hexabase.api_tokens to hexabase_api',
  'grant insert on hexabase.api_tokens to hexabase_identity',
];

export const down = [
  'revoke insert on hexabase.api_tokens from hexabase_identity',
  'delete from hexabase.api_tokens where federation_id is not null',
  'drop index hexabase.api_tokens_name',
  'alter table hexabase.api_tokens drop column federation_id',
  'create unique index api_tokens_name on hexabase.api_tokens (user_id, lower(name)) where revoked_at is null',
  'drop table hexabase.federation_uses',
  'drop table hexabase.federations',
];
