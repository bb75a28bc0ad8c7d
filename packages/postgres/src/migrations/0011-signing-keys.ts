import { internalTable } from './helpers/tenant-table.ts';

/**
 * Keys that sign tokens. The private part is AES-256-GCM ciphertext under the master key, bound to its row by the
 * additional data, so a dump or a swapped row is worth nothing. One key is `active`, one is published ahead as `next`.
 */
export const up: readonly string[] = [
  `CREATE TABLE hexabase.signing_keys (
    kid text PRIMARY KEY,
    public_jwk jsonb NOT NULL,
    private_key text NOT NULL,
    state text NOT NULL CHECK (state IN ('next', 'active', 'retired')),
    created_at timestamptz NOT NULL,
    activated_at timestamptz,
    retired_at timestamptz
  )`,
  `CREATE UNIQUE INDEX signing_keys_one_active ON hexabase.signing_keys (state) WHERE state = 'active'`,
  `CREATE UNIQUE INDEX signing_keys_one_next ON hexabase.signing_keys (state) WHERE state = 'next'`,
  ...internalTable('signing_keys', { identity: 'select, insert, update, delete' }),
];

export const down: readonly string[] = [`DROP TABLE hexabase.signing_keys`];
