/**
 * What a change asks about accounts, it asks in its own transaction. A second connection would be waited for with the locks
 * of the first held; whoever has all of those, and waits for one of the locks, would stop everybody.
 */
const lookUps = [
  `create function hexabase.find_account(address text, known_in text[]) returns text
     language sql stable security definer set search_path = hexabase, pg_temp as $$
       select u.id from users u where u.email = address and u.kind = 'person' and u.disabled_at is null
         and (known_in is null or exists (select from memberships m
           where m.user_id = u.id and m.organization_id = any (known_in)))
     $$`,
  // Those who reach nothing, whatever their roles: a second factor is asked for, they have none, and no provider that they
  // came by has seen one in a session that lives.
  `create function hexabase.shut_out(organization text, people text[], at timestamptz) returns setof text
     language sql stable security definer set search_path = hexabase, pg_temp as $$
       select u.id from users u join organizations o on o.id = organization and o.require_second_factor
         where u.id = any (people) and u.kind = 'person'
           and not exists (select from second_factors f where f.user_id = u.id and f.confirmed_at is not null)
           and not exists (select from sessions s where s.user_id = u.id and s.second_factor_at is not null
             and s.ended_at is null and s.expires_at > at)
     $$`,
  `create function hexabase.has_shown_factor(session text, person text) returns boolean
     language sql stable security definer set search_path = hexabase, pg_temp as $$
       select exists (select from sessions s
         where s.id = session and s.user_id = person and s.second_factor_at is not null)
     $$`,
  ...[
    'find_account(text, text[])',
    'shut_out(text, text[], timestamptz)',
    'has_shown_factor(text, text)',
  ].flatMap((signature) => [
    `revoke all on function hexabase.${signature} from public`,
    `grant execute on function hexabase.${signature} to hexabase_api`,
  ]),
  // Of those whom it sees at all: who shares an organization with the caller.
  'grant select (disabled_at) on hexabase.users to hexabase_api',
];

/**
 * Whoever disables an account takes its sessions and API tokens; these are held here first and the account is read after it, by
 * a statement of its own, which sees what was committed while it waited. The account itself is not held: others raise its
 * epoch all the time.
 */
const holding = `create or replace function hexabase.hold_session(session text, by_token boolean) returns table (ended boolean, shown boolean)
     language plpgsql security definer set search_path = hexabase, pg_temp as $$
     declare owner text;
     begin
       if by_token then
         select t.revoked_at is not null, true, t.user_id into ended, shown, owner from api_tokens t where t.id = session for share;
       else
         select s.ended_at is not null, s.second_factor_at is not null, s.user_id into ended, shown, owner
           from sessions s where s.id = session for share;
       end if;
       select ended or u.disabled_at is not null into ended from users u where u.id = owner;
       ended := coalesce(ended, by_token);
       shown := coalesce(shown, true);
       return next;
     end $$`;

const before = `create or replace function hexabase.hold_session(session text, by_token boolean) returns table (ended boolean, shown boolean)
     language plpgsql security definer set search_path = hexabase, pg_temp as $$
     begin
       if by_token then
         select t.revoked_at is not null, true into ended, shown from api_tokens t where t.id = session for share;
       else
         select s.ended_at is not null, s.second_factor_at is not null into ended, shown
           from sessions s where s.id = session for share;
       end if;
       ended := coalesce(ended, by_token);
       shown := coalesce(shown, true);
       return next;
     end $$`;

export const up = [...lookUps, holding];

export const down = [
  before,
  'revoke select (disabled_at) on hexabase.users from hexabase_api',
  'drop function hexabase.has_shown_factor(text, text)',
  'drop function hexabase.shut_out(text, text[], timestamptz)',
  'drop function hexabase.find_account(text, text[])',
];
