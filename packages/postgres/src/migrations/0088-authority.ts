/**
 * What lets somebody make a change, held until the change is committed: whoever takes it away waits, or has been waited for.
 * Every row is locked in this order: what the change is about, its organization, the membership or grant, the session.
 */
const authority = [
  `create function hexabase.hold_authority(organization text, person text, session text, by_token boolean, at timestamptz)
     returns table (leaving boolean, role text, grant_id text, grant_ends timestamptz, asks boolean, ended boolean)
     language plpgsql security definer set search_path = hexabase, pg_temp as $$
     declare rule boolean; shown boolean;
     begin
       select o.deletion_requested_at is not null, o.require_second_factor into leaving, rule
         from organizations o where o.id = organization for key share;
       select m.role into role from memberships m
         where m.organization_id = organization and m.user_id = person for share;
       if role is null and not by_token then
         select case g.level when 'admin' then 'admin' else 'viewer' end, g.id, g.expires_at into role, grant_id, grant_ends
           from access_grants g join users u on u.id = g.user_id and u.platform_role is not null
           where g.organization_id = organization and g.user_id = person and g.revoked_at is null and g.expires_at > at
           order by g.level, g.expires_at desc limit 1 for share of g;
       end if;
       select s.ended, s.shown into ended, shown from hexabase.hold_session(session, by_token) s;
       asks := coalesce(rule and not shown, false);
       return next;
     end $$`,
  // Programs have no second factor and are asked for none. What is in no table is nothing that could have ended.
  `create function hexabase.hold_session(session text, by_token boolean) returns table (ended boolean, shown boolean)
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
     end $$`,
  `create function hexabase.hold_account(person text, session text, by_token boolean)
     returns table (ended boolean, platform_role text)
     language plpgsql security definer set search_path = hexabase, pg_temp as $$
     declare disabled boolean;
     begin
       select u.disabled_at is not null, u.platform_role into disabled, platform_role
         from users u where u.id = person for share;
       select s.ended or disabled into ended from hexabase.hold_session(session, by_token) s;
       return next;
     end $$`,
  // Groups that a person is in by the word of an identity provider change without the lock of the organization.
  `create function hexabase.hold_groups(organization text, person text) returns void
     language plpgsql security definer set search_path = hexabase, pg_temp as $$
     begin
       perform 1 from group_members m where m.organization_id = organization and m.user_id = person
         order by m.group_id for share;
     end $$`,
  'revoke all on function hexabase.hold_session(text, boolean) from public',
  ...[
    'hold_authority(text, text, text, boolean, timestamptz)',
    'hold_account(text, text, boolean)',
    'hold_groups(text, text)',
  ].flatMap((signature) => [
    `revoke all on function hexabase.${signature} from public`,
    `grant execute on function hexabase.${signature} to hexabase_api`,
  ]),
];

const invitationsOf = (
  condition: string,
) => `create or replace function hexabase.invitations_of(person text, at timestamptz)
     returns table (id text, organization_name text, invited_by_email text, role text, created_at timestamptz, expires_at timestamptz)
     language sql stable security definer set search_path = hexabase, pg_temp as $$
       select i.id, o.name, coalesce(b.email, ''), i.role, i.created_at, i.expires_at
       from invitations i
         join users u on u.id = person and u.email = i.email and u.disabled_at is null
         join organizations o on o.id = i.organization_id ${condition}
         left join users b on b.id = i.invited_by
       where i.accepted_at is null and i.declined_at is null and i.revoked_at is null and i.expires_at > at
       order by i.created_at desc
     $$`;

const answering = `
       update invitations i set
         accepted_at = case when accepts then at end,
         accepted_by = case when accepts then person end,
         declined_at = case when accepts then null else at end
       from users u
       where (i.id = asked or i.token_hash = asked_hash)
         and u.id = person and u.email = i.email and u.disabled_at is null
         and i.accepted_at is null and i.declined_at is null and i.revoked_at is null and i.expires_at > at
       returning i.id, i.organization_id, i.role, i.group_ids, i.invited_by`;

const answerSignature = `hexabase.answer_invitation(asked text, asked_hash text, person text, accepts boolean, at timestamptz)
     returns table (id text, organization_id text, role text, group_ids text[], invited_by text)`;

/**
 * Nobody comes into an organization that is being deleted; an invitation can be declined, and waits for a restoration. The
 * organization is held first, as those do who delete it or take the invitation back.
 */
const whileDeleted = [
  invitationsOf('and o.deletion_requested_at is null'),
  `create or replace function ${answerSignature}
     language plpgsql security definer set search_path = hexabase, pg_temp as $$
     #variable_conflict use_column
     declare leaving boolean;
     begin
       select o.deletion_requested_at is not null into leaving from organizations o
         where o.id = (select i.organization_id from invitations i where i.id = asked or i.token_hash = asked_hash limit 1)
         for key share;
       if accepts and leaving then return; end if;
       return query ${answering};
     end $$`,
];

export const up = [...authority, ...whileDeleted];

export const down = [
  `create or replace function ${answerSignature}
     language sql security definer set search_path = hexabase, pg_temp as $$ ${answering} $$`,
  invitationsOf(''),
  'drop function hexabase.hold_groups(text, text)',
  'drop function hexabase.hold_account(text, text, boolean)',
  'drop function hexabase.hold_authority(text, text, text, boolean, timestamptz)',
  'drop function hexabase.hold_session(text, boolean)',
];
