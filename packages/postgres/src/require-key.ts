import { createKeyVault, WrongKeyError } from '@hexabase/kernel/key-vault.ts';
import { Client } from 'pg';
import { clientConfig, endpointAs, type Endpoint } from './connection.ts';
import { sqlState } from './database-errors.ts';

/** What the private part of a signing key is sealed for. */
export function signingKeyContext(kid: string): string {
  return `hexabase.signing_keys/${kid}/private_key`;
}

/**
 * Makes sure that a database which has sealed things opens with this master key, before anything is changed for it: the
 * passwords of the roles come from the key too, and replicas that have the right one would be locked out. Throws
 * `WrongKeyError`.
 */
export async function requireKey(admin: Endpoint, masterKey: Uint8Array): Promise<void> {
  const sealed = await sealedKey(admin, masterKey);
  if (!sealed) return;
  try {
    createKeyVault(masterKey).open(sealed.private_key, signingKeyContext(sealed.kid));
  } catch (cause) {
    throw new WrongKeyError({ cause });
  }
}

interface SealedKey {
  kid: string;
  private_key: string;
}

/** Null where nothing was sealed yet. */
async function sealedKey(admin: Endpoint, masterKey: Uint8Array): Promise<SealedKey | null> {
  try {
    return await readSealed(admin);
  } catch (error) {
    // Who may make roles need not be one of them, and may not read then.
    if (sqlState(error) !== '42501') throw error;
  }
  try {
    return await readSealed(endpointAs(admin, 'hexabase_owner', masterKey));
  } catch (cause) {
    if (sqlState(cause) === '28P01') throw new WrongKeyError({ cause });
    throw cause;
  }
}

async function readSealed(endpoint: Endpoint): Promise<SealedKey | null> {
  const client = new Client(clientConfig(endpoint));
  await client.connect();
  try {
    const table = await client.query(
      `select 1 from pg_catalog.pg_class c join pg_catalog.pg_namespace n on n.oid = c.relnamespace
       where n.nspname = 'hexabase' and c.relname = 'signing_keys'`,
    );
    if (table.rowCount === 0) return null;
    const { rows } = await client.query<SealedKey>(
      'select kid, private_key from hexabase.signing_keys order by created_at desc limit 1',
    );
    return rows[0] ?? null;
  } finally {
    await client.end();
  }
}
