import { tenantTable } from './helpers/tenant-table.ts';

const open = 'accepted_at is null and declined_at is null and revoked_at is null';

/**
 * Invitations belong to an organization. The person invited is not in it yet and sees theirs through two functions, which
 * compare the address of the account and, when the letter's token was given, its hash.
 */
const invitations = [
  `create table hexabase.invitations (
     id text primary key,
     organization_id text not null references hexabase.organizations on delete cascade,
     email text not null check (email = lower(email)),
     role text not null check (role in ('owner', 'admin', 'developer', 'viewer')),
     group_ids text[] not null default '{}',
     token_hash text not null unique,
     invited_by text not null,
     created_at timestamptz not null,
     sent_at timestamptz not null,
     expires_at timestamptz not null,
     accepted_at timestamptz,
     accepted_by text,
     declined_at timestamptz,
     revoked_at timestamptz
   )`,
  `create unique index invitations_open on hexabase.invitations (organization_id, email) where ${open}`,
  `create index on hexabase.invitations (email) where ${open}`,
  ...tenantTable('invitations', {
    grants: { api: 'select, insert, update', worker: 'select, delete', identity: 'select' },
  }),
];

const forTheInvited = [
  `create function hexabase.invitations_of(person text, at timestamptz)
     returns table (id text, organization_name text, invited_by_email text, role text, created_at timestamptz, expires_at timestamptz)
     language sql stable security definer set search_path = hexabase, pg_temp as $$
       select i.id, o.name, coalesce(b.email, ''), i.role, i.created_at, i.expires_at
       from invitations i
         join users u on u.id = person and u.email = i.email and u.disabled_at is null
         join organizations o on o.id = i.organization_id
         left join users b on b.id = i.invited_by
       where i.accepted_at is null and i.declined_at is null and i.revoked_at is null and i.expires_at > at
       order by i.created_at desc
     $$`,
  // Once only: the row is locked by the update, and a second answer finds it closed.
  `create function hexabase.answer_invitation(asked text, asked_hash text, person text, accepts boolean, at timestamptz)
     returns table (id text, organization_id text, role text, group_ids text[], invited_by text)
     language sql security definer set search_path = hexabase, pg_temp as $$
       update invitations i set
         accepted_at = case when accepts then at end,
         accepted_by = case when accepts then person end,
         declined_at = case when accepts then null else at end
       from users u
       where (i.id = asked or i.token_hash = asked_hash)
         and u.id = person and u.email = i.email and u.disabled_at is null
         and i.accepted_at is null and i.declined_at is null and i.revoked_at is null and i.expires_at > at
       returning i.id, i.organization_id, i.role, i.group_ids, i.invited_by
     $$`,
  ...[
    'invitations_of(text, timestamptz)',
    'answer_invitation(text, text, text, boolean, timestamptz)',
  ].flatMap((signature) => [
    `revoke all on function hexabase.${signature} from public`,
    `grant execute on function hexabase.${signature} to hexabase_api`,
  ]),
];

export const up = [...invitations, ...forTheInvited];

export const down = [
  'drop function hexabase.answer_invitation(text, text, text, boolean, timestamptz)',
  'drop function hexabase.invitations_of(text, timestamptz)',
  'drop table hexabase.invitations',
];
