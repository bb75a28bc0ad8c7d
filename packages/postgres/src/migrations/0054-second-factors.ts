import { internalTable } from './helpers/tenant-table.ts';

const everything = 'select, insert, update, delete';

/**
 * Second factors of people, and what waits between the first and the second step of a sign-in. Only identity sees them:
 * the request side lists and changes them through it. Secrets are sealed, codes and tickets are hashes.
 */
const factors = [
  `create table hexabase.second_factors (
    id text primary key,
    user_id text not null references hexabase.users (id) on delete cascade,
    kind text not null check (kind in ('totp', 'passkey')),
    name text not null,
    created_at timestamptz not null,
    -- A factor that was not confirmed yet is asked of nobody.
    confirmed_at timestamptz,
    last_used_at timestamptz,
    secret_sealed text,
    -- The newest time step that was used: no code works twice (RFC 6238 section 5.2).
    last_step bigint not null default 0,
    credential_id text unique,
    public_key text,
    counter bigint not null default 0,
    transports text[] not null default '{}',
    rp_id text,
    check ((kind = 'totp') = (secret_sealed is not null)),
    check ((kind = 'passkey') = (credential_id is not null and public_key is not null and rp_id is not null)),
    check (kind = 'totp' or confirmed_at is not null)
  )`,
  'create index second_factors_user on hexabase.second_factors (user_id)',
  `create table hexabase.recovery_codes (
    user_id text not null references hexabase.users (id) on delete cascade,
    code_hash text not null,
    used_at timestamptz,
    primary key (user_id, code_hash)
  )`,
  // 'login': by programs; 'page': on one page in one browser; 'register': a passkey is added in the browser.
  `create table hexabase.factor_tickets (
    id text primary key,
    user_id text not null references hexabase.users (id) on delete cascade,
    kind text not null check (kind in ('login', 'page', 'register')),
    browser_hash text,
    page text,
    session_id text,
    name text,
    challenge text,
    tries integer not null default 0,
    expires_at timestamptz not null,
    check (kind <> 'page' or (browser_hash is not null and page is not null)),
    check (kind <> 'register' or (session_id is not null and name is not null))
  )`,
  'create index factor_tickets_user on hexabase.factor_tickets (user_id)',
  'create index factor_tickets_expiry on hexabase.factor_tickets (expires_at)',
  ...['second_factors', 'recovery_codes', 'factor_tickets'].flatMap((table) =>
    internalTable(table, { identity: everything }),
  ),
];

/** How far somebody has proven who they are, from the first page to the session. */
const proofs = [
  'alter table hexabase.sessions add column second_factor_at timestamptz',
  'alter table hexabase.sign_in_codes add column second_factor boolean not null default false',
  'alter table hexabase.upstream_sign_ins add column second_factor boolean not null default false',
  // Whether a provider's word counts as a second factor: never, when its token says so, or always.
  `alter table hexabase.identity_providers add column second_factor text not null default 'ask'
    check (second_factor in ('ask', 'amr', 'given'))`,
  'alter table hexabase.organizations add column require_second_factor boolean not null default false',
];

export const up = [...factors, ...proofs];

export const down = [
  'alter table hexabase.organizations drop column require_second_factor',
  'alter table hexabase.identity_providers drop column second_factor',
  'alter table hexabase.upstream_sign_ins drop column second_factor',
  'alter table hexabase.sign_in_codes drop column second_factor',
  'alter table hexabase.sessions drop column second_factor_at',
  'drop table hexabase.factor_tickets',
  'drop table hexabase.recovery_codes',
  'drop table hexabase.second_factors',
];
