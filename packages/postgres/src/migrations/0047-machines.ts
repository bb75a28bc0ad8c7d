import { scopeOrganizations, scopeUser, tenantTable } from './helpers/tenant-table.ts';

/** Service accounts are users of an organization: no password, no platform role, gone with it. */
const serviceAccounts = [
  `alter table hexabase.users add column kind text not null default 'person' check (kind in ('person', 'service-account'))`,
  'alter table hexabase.users add column organization_id text references hexabase.organizations on delete cascade',
  `alter table hexabase.users add constraint users_machine check (
     (kind = 'person' and organization_id is null and email not like '%.serviceaccounts.hexabase.local')
     or (kind = 'service-account' and organization_id is not null and password_hash is null and platform_role is null))`,
  'create unique index users_of_organization on hexabase.users (organization_id, id)',
  'grant select (kind, organization_id) on hexabase.users to hexabase_api',
  // Whatever adds members: a machine is in its own organization only, and never owns it.
  `create function hexabase.check_machine_membership() returns trigger
     language plpgsql security definer set search_path = hexabase, pg_temp as $$
     begin
       if exists (
         select from users u where u.id = new.user_id and u.kind = 'service-account'
           and (u.organization_id <> new.organization_id or new.role = 'owner')
       ) then
         raise exception 'a service account is in its own organization only, and never its owner'
           using errcode = 'check_violation';
       end if;
       return new;
     end $$`,
  `create trigger check_machine before insert or update on hexabase.memberships
     for each row execute function hexabase.check_machine_membership()`,
];

/** Whatever proves identities: no machine is ever signed in. */
const noSignIn = [
  `create function hexabase.check_session_owner() returns trigger
     language plpgsql security definer set search_path = hexabase, pg_temp as $$
     begin
       if exists (select from users u where u.id = new.user_id and u.kind = 'service-account') then
         raise exception 'a service account does not sign in' using errcode = 'check_violation';
       end if;
       return new;
     end $$`,
  `create trigger check_owner before insert on hexabase.sessions
     for each row execute function hexabase.check_session_owner()`,
];

/** Requests make and remove users of this kind only, and only in their own organizations. */
const makingThem = [
  `create function hexabase.create_service_account(new_id text, organization text, address text, title text, given_role text, at timestamptz)
     returns boolean language plpgsql security definer set search_path = hexabase, pg_temp as $$
     begin
       if organization <> all (hexabase.scope_organizations()) then
         raise exception 'the organization is not of this request' using errcode = 'insufficient_privilege';
       end if;
       insert into users (id, email, display_name, kind, organization_id, created_at)
         values (new_id, address, title, 'service-account', organization, at) on conflict do nothing;
       if not found then return false; end if;
       insert into memberships (organization_id, user_id, role, created_at)
         values (organization, new_id, given_role, at);
       return true;
     end $$`,
  `create function hexabase.delete_service_account(old_id text) returns void
     language sql security definer set search_path = hexabase, pg_temp as $$
       delete from users where id = old_id and kind = 'service-account'
         and organization_id = any (hexabase.scope_organizations())
     $$`,
  ...[
    'create_service_account(text, text, text, text, text, timestamptz)',
    'delete_service_account(text)',
  ].flatMap((signature) => [
    `revoke all on function hexabase.${signature} from public`,
    `grant execute on function hexabase.${signature} to hexabase_api`,
  ]),
];

/** Tokens of people belong to nobody's organization; those of service accounts to theirs. The hash is for identity only. */
const tokens = [
  `create table hexabase.api_tokens (
     id text primary key,
     user_id text not null references hexabase.users on delete cascade,
     organization_id text,
     name text not null,
     scope text not null check (scope in ('read', 'write', 'workspace')),
     workspace_id text references hexabase.workspaces on delete cascade,
     token_hash text not null unique,
     created_by text not null,
     created_at timestamptz not null,
     expires_at timestamptz not null check (expires_at <= created_at + interval '366 days'),
     last_used_at timestamptz,
     revoked_at timestamptz,
     check ((scope = 'workspace') = (workspace_id is not null)),
     foreign key (organization_id, user_id) references hexabase.users (organization_id, id) on delete cascade
   )`,
  'create unique index api_tokens_name on hexabase.api_tokens (user_id, lower(name)) where revoked_at is null',
  'create index on hexabase.api_tokens (organization_id, user_id)',
  'create index on hexabase.api_tokens (workspace_id)',
  ...tenantTable('api_tokens', {
    visible: `(organization_id is null and user_id = ${scopeUser}) or organization_id = any (${scopeOrganizations})`,
    grants: {
      api: `select (id, user_id, organization_id, name, scope, workspace_id, created_by, created_at, expires_at, last_used_at, revoked_at),
        insert, update (revoked_at)`,
      identity: 'select, delete, update (last_used_at)',
    },
  }),
];

export const up = [...serviceAccounts, ...noSignIn, ...makingThem, ...tokens];

export const down = [
  'drop table hexabase.api_tokens',
  'drop function hexabase.delete_service_account(text)',
  'drop function hexabase.create_service_account(text, text, text, text, text, timestamptz)',
  'drop trigger check_owner on hexabase.sessions',
  'drop function hexabase.check_session_owner()',
  'drop trigger check_machine on hexabase.memberships',
  'drop function hexabase.check_machine_membership()',
  `delete from hexabase.memberships where user_id in (select id from hexabase.users where kind = 'service-account')`,
  `delete from hexabase.users where kind = 'service-account'`,
  'revoke select (kind, organization_id) on hexabase.users from hexabase_api',
  'drop index hexabase.users_of_organization',
  'alter table hexabase.users drop constraint users_machine',
  'alter table hexabase.users drop column organization_id',
  'alter table hexabase.users drop column kind',
];
