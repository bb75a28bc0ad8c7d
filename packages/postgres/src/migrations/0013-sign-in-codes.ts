import { internalTable } from './helpers/tenant-table.ts';

/**
 * Signing the command line in through a browser: device codes (RFC 8628) and authorization codes (RFC 6749 §4.1). Every
 * code lies here as a hash, lives for minutes and is spent once; a spent one stays until it is pruned, to notice replays.
 */
export const up: readonly string[] = [
  `CREATE TABLE hexabase.sign_in_codes (
    id text PRIMARY KEY,
    kind text NOT NULL CHECK (kind IN ('device', 'authorization')),
    client_id text NOT NULL,
    state text NOT NULL CHECK (state IN ('pending', 'approved', 'denied', 'used')),
    user_id text REFERENCES hexabase.users (id) ON DELETE CASCADE,
    session_id text,
    user_code_hash text,
    device_name text,
    address text NOT NULL,
    interval_seconds integer,
    polled_at timestamptz,
    redirect_uri text,
    code_challenge text,
    created_at timestamptz NOT NULL,
    expires_at timestamptz NOT NULL,
    CHECK (state IN ('pending', 'denied') OR user_id IS NOT NULL),
    CHECK (kind = 'device' OR (redirect_uri IS NOT NULL AND code_challenge IS NOT NULL))
  )`,
  `CREATE UNIQUE INDEX sign_in_codes_user_code ON hexabase.sign_in_codes (user_code_hash) WHERE user_code_hash IS NOT NULL`,
  `CREATE INDEX sign_in_codes_expiry ON hexabase.sign_in_codes (expires_at)`,
  `CREATE INDEX sign_in_codes_address ON hexabase.sign_in_codes (address) WHERE state = 'pending'`,
  ...internalTable('sign_in_codes', { identity: 'select, insert, update, delete' }),
];

export const down: readonly string[] = [`DROP TABLE hexabase.sign_in_codes`];
