import { tenantTable } from './helpers/tenant-table.ts';

/**
 * What an organization changes of somebody's rights ends what they hold in it, and nothing that they hold elsewhere: nobody
 * cuts the connections of a stranger by adding, removing or letting them in. The epoch of a token is the person's own
 * (`users.epoch`) and this one together; both only rise, and rows outlive the membership, so that no old token comes back.
 */
const epochs = [
  `create table hexabase.organization_epochs (
     organization_id text not null references hexabase.organizations on delete cascade,
     user_id text not null references hexabase.users on delete cascade,
     epoch bigint not null default 0,
     primary key (organization_id, user_id)
   )`,
  'create index on hexabase.organization_epochs (user_id)',
  ...tenantTable('organization_epochs', { grants: { api: 'select' } }),
  // Of many, the gateways hear one call.
  `create function hexabase.revoke_in(organization text, revoked text[]) returns void
     language plpgsql security definer set search_path = pg_catalog, pg_temp as $$
     begin
       insert into hexabase.organization_epochs as e (organization_id, user_id, epoch)
         select organization, u.id, 1 from hexabase.users u where u.id = any (revoked) order by u.id
         on conflict (organization_id, user_id) do update set epoch = e.epoch + 1;
       if cardinality(revoked) > 100 then
         perform pg_notify('hexabase_revocation', '');
       else
         perform pg_notify('hexabase_revocation', one) from unnest(revoked) as one;
       end if;
     end $$`,
  `create function hexabase.epoch_in(person text, workspace text) returns float8
     language sql stable security definer set search_path = hexabase, pg_temp as $$
       select u.epoch::float8 + coalesce((select e.epoch from organization_epochs e
         join workspaces w on w.organization_id = e.organization_id
         where e.user_id = u.id and w.id = workspace), 0)
       from users u where u.id = person
     $$`,
  'revoke all on function hexabase.revoke_in(text, text[]) from public',
  'grant execute on function hexabase.revoke_in(text, text[]) to hexabase_identity, hexabase_api, hexabase_worker',
  'revoke all on function hexabase.epoch_in(text, text) from public',
  'grant execute on function hexabase.epoch_in(text, text) to hexabase_identity',
];

/**
 * The role that whoever wrote an invitation has now, held until the end of the transaction: whoever lowers or removes them
 * waits, or has been waited for. No row for somebody who left or whose account is disabled.
 */
const inviter = [
  `create function hexabase.hold_inviter(organization text, person text) returns text
     language sql security definer set search_path = hexabase, pg_temp as $$
       select m.role from memberships m join users u on u.id = m.user_id and u.disabled_at is null
       where m.organization_id = organization and m.user_id = person for share of m
     $$`,
  'revoke all on function hexabase.hold_inviter(text, text) from public',
  'grant execute on function hexabase.hold_inviter(text, text) to hexabase_api',
];

const checkGrant = (who: string) => `create or replace function hexabase.check_access_grant() returns trigger
     language plpgsql security definer set search_path = hexabase, pg_temp as $$
     begin
       if ${who} not exists (select from users u where u.id = new.user_id and u.platform_role = 'super_admin'
           and u.disabled_at is null) then
         raise exception 'only operators of the platform get access by a grant' using errcode = 'check_violation';
       end if;
       if new.kind = 'granted' and not exists (select from memberships m
           where m.organization_id = new.organization_id and m.user_id = new.granted_by and m.role = 'owner') then
         raise exception 'only an owner grants access' using errcode = 'check_violation';
       end if;
       return new;
     end $$`;

/** An owner may name any address: a grant for nobody lets nobody in, and its row looks like every other. */
const grantsForAnyAddress = [
  'alter table hexabase.access_grants alter column user_id drop not null',
  `alter table hexabase.access_grants add constraint access_grants_taken_by_somebody
     check (user_id is not null or kind = 'granted')`,
  checkGrant('new.user_id is not null and'),
];

export const up = [...epochs, ...inviter, ...grantsForAnyAddress];

export const down = [
  checkGrant(''),
  'delete from hexabase.access_grants where user_id is null',
  'alter table hexabase.access_grants drop constraint access_grants_taken_by_somebody',
  'alter table hexabase.access_grants alter column user_id set not null',
  'drop function hexabase.hold_inviter(text, text)',
  'drop function hexabase.epoch_in(text, text)',
  'drop function hexabase.revoke_in(text, text[])',
  'drop table hexabase.organization_epochs',
];
