import { createPublicKey, createPrivateKey, generateKeyPair, type KeyObject } from 'node:crypto';
import { promisify } from 'node:util';
import type { Tx } from '@hexabase/postgres/database.ts';
import { signingKeyContext } from '@hexabase/postgres/require-key.ts';
import { calculateJwkThumbprint, type JWK } from 'jose';
import { sql } from 'kysely';
import type { KeyVault } from '@hexabase/kernel/key-vault.ts';

export type SigningKeyState = 'next' | 'active' | 'retired';

export interface SigningKey {
  kid: string;
  state: SigningKeyState;
  publicJwk: JWK;
  publicKey: KeyObject;
  privateKey: KeyObject;
  /** Milliseconds since the epoch. */
  activatedAt: number | null;
}

interface Row {
  kid: string;
  state: SigningKeyState;
  private_key: string;
  activated_at: Date | null;
}

/** How long a retired key stays published: longer than any token that it signed, with clock skew. */
const retiredPublishedMs = 2 * 3_600_000;

/** Two replicas that start or rotate together must agree on one key. */
const rotationLock = 7_239_010;

/** Loads the keys that are published, active first; makes the first two when there are none. */
export async function loadSigningKeys(tx: Tx, vault: KeyVault, nowMs: number): Promise<SigningKey[]> {
  const found = await readKeys(tx, vault, nowMs);
  if (found.length > 0) return found;
  await sql`SELECT pg_advisory_xact_lock(${rotationLock})`.execute(tx);
  if ((await readKeys(tx, vault, nowMs)).length === 0) {
    await insertKey(tx, vault, { state: 'active', nowMs });
    await insertKey(tx, vault, { state: 'next', nowMs });
  }
  return readKeys(tx, vault, nowMs);
}

/**
 * Retires the active key, activates the published next one and publishes a new next. Verifiers that cached the key set
 * already know the new signer, and tokens of the old one stay valid until they expire.
 * `olderThanMs` makes it safe to call from every replica: a key younger than that is left alone.
 */
export async function rotateKeysIn(
  tx: Tx,
  vault: KeyVault,
  at: { nowMs: number; olderThanMs: number },
): Promise<{ rotated: boolean }> {
  await sql`SELECT pg_advisory_xact_lock(${rotationLock})`.execute(tx);
  const now = new Date(at.nowMs);
  const youngest = new Date(at.nowMs - at.olderThanMs);
  const retired = await sql<{ kid: string }>`
    UPDATE hexabase.signing_keys SET state = 'retired', retired_at = ${now}
    WHERE state = 'active' AND activated_at <= ${youngest} RETURNING kid`.execute(tx);
  if (retired.rows.length === 0) return { rotated: false };
  await sql`UPDATE hexabase.signing_keys SET state = 'active', activated_at = ${now} WHERE state = 'next'`.execute(
    tx,
  );
  await insertKey(tx, vault, { state: 'next', nowMs: at.nowMs });
  await sql`DELETE FROM hexabase.signing_keys
    WHERE state = 'retired' AND retired_at < ${new Date(at.nowMs - retiredPublishedMs)}`.execute(tx);
  await sql`SELECT pg_notify('hexabase_signing_keys', '')`.execute(tx);
  return { rotated: true };
}

async function readKeys(tx: Tx, vault: KeyVault, nowMs: number): Promise<SigningKey[]> {
  const { rows } = await sql<Row>`
    SELECT kid, state, private_key, activated_at FROM hexabase.signing_keys
    WHERE state <> 'retired' OR retired_at >= ${new Date(nowMs - retiredPublishedMs)}
    ORDER BY array_position(ARRAY['active', 'next', 'retired'], state), created_at DESC`.execute(tx);
  return rows.map((row) => openKey(row, vault));
}

function openKey(row: Row, vault: KeyVault): SigningKey {
  const privateKey = createPrivateKey({
    key: vault.open(row.private_key, signingKeyContext(row.kid)),
    format: 'der',
    type: 'pkcs8',
  });
  const publicKey = createPublicKey(privateKey);
  return {
    kid: row.kid,
    state: row.state,
    publicJwk: publicJwkOf(publicKey, row.kid),
    publicKey,
    privateKey,
    activatedAt: row.activated_at?.getTime() ?? null,
  };
}

async function insertKey(
  tx: Tx,
  vault: KeyVault,
  key: { state: SigningKeyState; nowMs: number },
): Promise<void> {
  const pair = await promisify(generateKeyPair)('rsa', { modulusLength: 2048 });
  const kid = await calculateJwkThumbprint(pair.publicKey.export({ format: 'jwk' }));
  const sealed = vault.seal(pair.privateKey.export({ format: 'der', type: 'pkcs8' }), signingKeyContext(kid));
  const now = new Date(key.nowMs);
  await sql`
    INSERT INTO hexabase.signing_keys (kid, public_jwk, private_key, state, created_at, activated_at)
    VALUES (${kid}, ${JSON.stringify(publicJwkOf(pair.publicKey, kid))}::jsonb, ${sealed}, ${key.state}, ${now},
      ${key.state === 'active' ? now : null})`.execute(tx);
}

function publicJwkOf(publicKey: KeyObject, kid: string): JWK {
  const { kty, n, e } = publicKey.export({ format: 'jwk' });
  if (kty !== 'RSA' || n === undefined || e === undefined)
    throw new Error('the signing key is not an RSA key');
  return { kty, n, e, kid, alg: 'RS256', use: 'sig' };
}
