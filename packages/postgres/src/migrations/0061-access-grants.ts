import { scopeOrganizations, scopeUser, tenantTable } from './helpers/tenant-table.ts';

/** What lets somebody of the platform into an organization that they are no member of: for hours, with a reason. */
const grants = [
  `create table hexabase.access_grants (
     id text primary key,
     organization_id text not null references hexabase.organizations on delete cascade,
     user_id text not null references hexabase.users on delete cascade,
     operator text not null,
     level text not null check (level in ('read', 'admin')),
     kind text not null check (kind in ('granted', 'break-glass')),
     reason text not null,
     granted_by text not null,
     created_at timestamptz not null,
     expires_at timestamptz not null,
     revoked_at timestamptz,
     revoked_by text,
     check (expires_at > created_at and expires_at <= created_at + interval '8 hours')
   )`,
  'create index on hexabase.access_grants (organization_id, created_at desc)',
  'create index on hexabase.access_grants (user_id, expires_at)',
  // Whatever writes it: nobody without the platform role is ever let in, and nobody but a member lets somebody in so.
  `create function hexabase.check_access_grant() returns trigger
     language plpgsql security definer set search_path = hexabase, pg_temp as $$
     begin
       if not exists (select from users u where u.id = new.user_id and u.platform_role = 'super_admin'
           and u.disabled_at is null) then
         raise exception 'only operators of the platform get access by a grant' using errcode = 'check_violation';
       end if;
       if new.kind = 'granted' and not exists (select from memberships m
           where m.organization_id = new.organization_id and m.user_id = new.granted_by and m.role = 'owner') then
         raise exception 'only an owner grants access' using errcode = 'check_violation';
       end if;
       return new;
     end $$`,
  `create trigger check_grant before insert on hexabase.access_grants
     for each row execute function hexabase.check_access_grant()`,
  ...tenantTable('access_grants', {
    visible: `organization_id = any (${scopeOrganizations}) or user_id = ${scopeUser}`,
    writable: `organization_id = any (${scopeOrganizations}) or user_id = ${scopeUser}`,
    grants: {
      api: 'select, insert, update (revoked_at, revoked_by)',
      worker: 'select',
      identity: 'select',
    },
  }),
];

/**
 * Requests of operators see no organization: these two find one by name, and who owns it, for whoever breaks the glass;
 * and an operator by address, for the owner who lets one in.
 */
const lookups = [
  `create function hexabase.organization_for_operator(name_or_id text)
     returns table (id text, name text, slug text, owners text[])
     language sql stable security definer set search_path = hexabase, pg_temp as $$
       select o.id, o.name, o.slug, array(select u.email from memberships m join users u on u.id = m.user_id
         where m.organization_id = o.id and m.role = 'owner' order by u.email)
       from organizations o
       where (o.id = name_or_id or o.slug = name_or_id)
         and exists (select from users u where u.id = hexabase.scope_user() and u.platform_role = 'super_admin')
     $$`,
  `create function hexabase.operator_by_email(address text) returns table (id text, email text)
     language sql stable security definer set search_path = hexabase, pg_temp as $$
       select u.id, u.email from users u
       where u.email = lower(address) and u.platform_role = 'super_admin' and u.disabled_at is null
     $$`,
  ...['organization_for_operator(text)', 'operator_by_email(text)'].flatMap((signature) => [
    `revoke all on function hexabase.${signature} from public`,
    `grant execute on function hexabase.${signature} to hexabase_api`,
  ]),
];

export const up = [...grants, ...lookups];

export const down = [
  'drop function hexabase.operator_by_email(text)',
  'drop function hexabase.organization_for_operator(text)',
  'drop table hexabase.access_grants',
  'drop function hexabase.check_access_grant()',
];
