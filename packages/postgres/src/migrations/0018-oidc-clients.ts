/** Programs of others that sign people in here; a secret lies here as its hash only. */
const clients: readonly string[] = [
  `CREATE TABLE oidc.clients (
    id text PRIMARY KEY CHECK (id ~ '^[a-z0-9][a-z0-9-]{0,62}$'),
    secret_hash text,
    redirect_uris text[] NOT NULL,
    post_logout_redirect_uris text[] NOT NULL,
    backchannel_logout_uri text,
    created_at timestamptz NOT NULL
  )`,
  ...identityOnly('clients'),
];

/**
 * A browser that signed in at the provider is a session like any other: listed, ended and pruned with them. What the
 * provider keeps names it (`session`, a hash), so that an ended one takes everything along.
 */
const sessions: readonly string[] = [
  `ALTER TABLE oidc.payloads ADD COLUMN session text`,
  `CREATE INDEX payloads_session ON oidc.payloads (session) WHERE session IS NOT NULL`,
  `ALTER TABLE hexabase.sessions ADD COLUMN provider_session text`,
  `ALTER TABLE hexabase.sessions ADD COLUMN provider_settled_at timestamptz`,
  `CREATE UNIQUE INDEX sessions_provider ON hexabase.sessions (provider_session) WHERE provider_session IS NOT NULL`,
  `CREATE INDEX sessions_to_settle ON hexabase.sessions (ended_at)
    WHERE provider_session IS NOT NULL AND provider_settled_at IS NULL AND ended_at IS NOT NULL`,
];

/** Clients that have yet to hear that a session ended (OpenID Connect Back-Channel Logout 1.0). */
const notices: readonly string[] = [
  `CREATE TABLE oidc.logout_notices (
    id text PRIMARY KEY,
    client_id text NOT NULL REFERENCES oidc.clients (id) ON DELETE CASCADE,
    user_id text NOT NULL,
    sid text NOT NULL,
    attempts integer NOT NULL DEFAULT 0,
    next_at timestamptz NOT NULL
  )`,
  `CREATE INDEX logout_notices_next ON oidc.logout_notices (next_at)`,
  ...identityOnly('logout_notices'),
];

/** How fast a device may ask (RFC 8628 §3.5). */
const polling: readonly string[] = [
  `ALTER TABLE oidc.payloads ADD COLUMN next_poll_at timestamptz`,
  `ALTER TABLE oidc.payloads ADD COLUMN poll_seconds integer`,
];

export const up: readonly string[] = [...clients, ...sessions, ...notices, ...polling];

export const down: readonly string[] = [
  `ALTER TABLE oidc.payloads DROP COLUMN poll_seconds`,
  `ALTER TABLE oidc.payloads DROP COLUMN next_poll_at`,
  `DROP TABLE oidc.logout_notices`,
  `DELETE FROM hexabase.sessions WHERE provider_session IS NOT NULL`,
  `ALTER TABLE hexabase.sessions DROP COLUMN provider_settled_at`,
  `ALTER TABLE hexabase.sessions DROP COLUMN provider_session`,
  `ALTER TABLE oidc.payloads DROP COLUMN session`,
  `DROP TABLE oidc.clients`,
];

function identityOnly(table: string): string[] {
  return [
    `ALTER TABLE oidc.${table} ENABLE ROW LEVEL SECURITY`,
    `ALTER TABLE oidc.${table} FORCE ROW LEVEL SECURITY`,
    `GRANT SELECT, INSERT, UPDATE, DELETE ON oidc.${table} TO hexabase_identity`,
    `CREATE POLICY identity_all ON oidc.${table} TO hexabase_identity USING (true) WITH CHECK (true)`,
  ];
}
