import { internalTable } from './helpers/tenant-table.ts';

const everything = 'select, insert, update, delete';

/**
 * Signing in through identity providers elsewhere. Who comes from one is known by provider and subject, never by e-mail;
 * with a provider go the links to it, so that another one under its name inherits nobody.
 */
export const up: readonly string[] = [
  // Set until an account that signed up by itself has been given an organization.
  'ALTER TABLE hexabase.users ADD COLUMN organization_due boolean NOT NULL DEFAULT false',
  `CREATE TABLE hexabase.identity_providers (
    id text PRIMARY KEY,
    name text NOT NULL UNIQUE CHECK (name ~ '^[a-z0-9][a-z0-9-]{0,39}$'),
    kind text NOT NULL CHECK (kind IN ('oidc', 'github')),
    label text NOT NULL,
    issuer text NOT NULL,
    client_id text NOT NULL,
    client_secret_sealed text NOT NULL,
    scopes text NOT NULL,
    enabled boolean NOT NULL DEFAULT true,
    from_file boolean NOT NULL,
    created_at timestamptz NOT NULL
  )`,
  `CREATE TABLE hexabase.external_identities (
    provider_id text NOT NULL REFERENCES hexabase.identity_providers (id) ON DELETE CASCADE,
    subject text NOT NULL,
    user_id text NOT NULL REFERENCES hexabase.users (id) ON DELETE CASCADE,
    email text NOT NULL,
    linked_at timestamptz NOT NULL,
    PRIMARY KEY (provider_id, subject)
  )`,
  'CREATE INDEX external_identities_user ON hexabase.external_identities (user_id)',
  `CREATE TABLE hexabase.upstream_sign_ins (
    id text PRIMARY KEY,
    provider_id text NOT NULL REFERENCES hexabase.identity_providers (id) ON DELETE CASCADE,
    state text NOT NULL CHECK (state IN ('started', 'proven', 'confirm')),
    browser_hash text NOT NULL,
    return_to text NOT NULL,
    redirect_uri text NOT NULL,
    secrets_sealed text NOT NULL,
    user_id text REFERENCES hexabase.users (id) ON DELETE CASCADE,
    subject text,
    email text,
    expires_at timestamptz NOT NULL,
    CHECK (state = 'started' OR (user_id IS NOT NULL AND subject IS NOT NULL AND email IS NOT NULL))
  )`,
  'CREATE INDEX upstream_sign_ins_browser ON hexabase.upstream_sign_ins (browser_hash)',
  'CREATE INDEX upstream_sign_ins_expiry ON hexabase.upstream_sign_ins (expires_at)',
  ...['identity_providers', 'external_identities', 'upstream_sign_ins'].flatMap((table) =>
    internalTable(table, { identity: everything }),
  ),
];

export const down: readonly string[] = [
  'DROP TABLE hexabase.upstream_sign_ins',
  'DROP TABLE hexabase.external_identities',
  'DROP TABLE hexabase.identity_providers',
  'ALTER TABLE hexabase.users DROP COLUMN organization_due',
];
