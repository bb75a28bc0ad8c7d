import { internalTable } from './helpers/tenant-table.ts';

/** Codes in letters that let somebody set a password: as hashes, for an hour, once. */
export const up: readonly string[] = [
  `CREATE TABLE hexabase.letter_codes (
    id text PRIMARY KEY,
    kind text NOT NULL CHECK (kind IN ('reset', 'sign_up')),
    email text NOT NULL,
    user_id text REFERENCES hexabase.users (id) ON DELETE CASCADE,
    created_at timestamptz NOT NULL,
    expires_at timestamptz NOT NULL
  )`,
  'CREATE INDEX letter_codes_email ON hexabase.letter_codes (email)',
  'CREATE INDEX letter_codes_expiry ON hexabase.letter_codes (expires_at)',
  ...internalTable('letter_codes', { identity: 'select, insert, update, delete' }),
];

export const down: readonly string[] = ['DROP TABLE hexabase.letter_codes'];
