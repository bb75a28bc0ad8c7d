import { internalTable, scopeUser, tenantTable } from './helpers/tenant-table.ts';

const everything = 'select, insert, update, delete';
/** Requests and workers may know who somebody is, and nothing of how they sign in. */
const readable = 'select (id, email, display_name, epoch)';

/**
 * Users, their sessions and refresh tokens, and the counters that slow password guessing.
 * Only `hexabase_identity` sees all of it. Requests of people see id, e-mail and name of those they share an
 * organization with; `memberships` comes with a later step, so the policy reaches it through a function.
 */
export const up: readonly string[] = [
  `CREATE TABLE hexabase.users (
    id text PRIMARY KEY,
    email text NOT NULL CHECK (email = lower(email) AND length(email) BETWEEN 3 AND 254),
    display_name text NOT NULL,
    password_hash text,
    platform_role text CHECK (platform_role IN ('super_admin')),
    epoch bigint NOT NULL DEFAULT 0,
    created_at timestamptz NOT NULL DEFAULT now(),
    disabled_at timestamptz
  )`,
  `CREATE UNIQUE INDEX users_email_key ON hexabase.users (lower(email))`,
  `CREATE TABLE hexabase.sessions (
    id text PRIMARY KEY,
    user_id text NOT NULL REFERENCES hexabase.users (id) ON DELETE CASCADE,
    created_at timestamptz NOT NULL,
    last_used_at timestamptz NOT NULL,
    expires_at timestamptz NOT NULL,
    ended_at timestamptz,
    end_reason text CHECK (end_reason IN ('signed_out', 'revoked', 'replaced', 'refresh_reused', 'user_disabled', 'password_changed')),
    user_agent text,
    address text,
    device_id text
  )`,
  `CREATE INDEX sessions_live_of_user ON hexabase.sessions (user_id, id) WHERE ended_at IS NULL`,
  `CREATE TABLE hexabase.refresh_tokens (
    id text PRIMARY KEY,
    session_id text NOT NULL REFERENCES hexabase.sessions (id) ON DELETE CASCADE,
    created_at timestamptz NOT NULL,
    expires_at timestamptz NOT NULL,
    used_at timestamptz
  )`,
  `CREATE INDEX refresh_tokens_session ON hexabase.refresh_tokens (session_id)`,
  `CREATE TABLE hexabase.login_attempts (
    key text PRIMARY KEY,
    failures integer NOT NULL,
    last_at timestamptz NOT NULL,
    blocked_until timestamptz
  )`,
  `CREATE INDEX login_attempts_age ON hexabase.login_attempts (last_at)`,
  ...['sessions', 'refresh_tokens', 'login_attempts'].flatMap((table) =>
    internalTable(table, { identity: everything }),
  ),
  `CREATE FUNCTION hexabase.shares_organization(other_user_id text) RETURNS boolean
    LANGUAGE plpgsql STABLE AS $$
    BEGIN
      RETURN EXISTS (
        SELECT 1 FROM hexabase.memberships m
        WHERE m.user_id = other_user_id
          AND m.organization_id = ANY (hexabase.scope_organizations())
      );
    END $$`,
  ...tenantTable('users', {
    visible: `id = ${scopeUser} OR hexabase.shares_organization(id)`,
    grants: { api: readable, worker: readable, identity: everything },
  }),
  // Whoever changes a membership raises the epoch in the same transaction, whatever its role; nothing else of the row can be changed so.
  `CREATE FUNCTION hexabase.revoke_user(revoked_user_id text) RETURNS void
    LANGUAGE sql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
      UPDATE hexabase.users SET epoch = epoch + 1 WHERE id = revoked_user_id;
      SELECT pg_catalog.pg_notify('hexabase_revocation', revoked_user_id);
    $$`,
  `REVOKE ALL ON FUNCTION hexabase.revoke_user(text) FROM PUBLIC`,
  `GRANT EXECUTE ON FUNCTION hexabase.revoke_user(text) TO hexabase_identity, hexabase_api, hexabase_worker`,
];

export const down: readonly string[] = [
  `DROP FUNCTION hexabase.revoke_user(text)`,
  `DROP TABLE hexabase.login_attempts`,
  `DROP TABLE hexabase.refresh_tokens`,
  `DROP TABLE hexabase.sessions`,
  `DROP TABLE hexabase.users`,
  `DROP FUNCTION hexabase.shares_organization(text)`,
];
