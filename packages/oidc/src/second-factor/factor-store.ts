import type { Tx } from '@hexabase/postgres/database.ts';
import { sql } from 'kysely';

export interface FactorRow {
  id: string;
  kind: 'totp' | 'passkey';
  name: string;
  createdAt: Date;
  lastUsedAt: Date | null;
}

export interface TotpRow {
  id: string;
  sealed: string;
}

export interface PasskeyRow {
  id: string;
  credentialId: string;
  /** base64url, COSE. */
  publicKey: string;
  counter: number;
  transports: string[];
}

/** Factors of one person that were confirmed, the oldest first. */
export async function listFactors(tx: Tx, userId: string): Promise<FactorRow[]> {
  const { rows } = await sql<FactorRow>`
    SELECT id, kind, name, created_at AS "createdAt", last_used_at AS "lastUsedAt" FROM hexabase.second_factors
    WHERE user_id = ${userId} AND confirmed_at IS NOT NULL ORDER BY created_at, id`.execute(tx);
  return rows;
}

/** Whether the person must show a second factor at each sign-in. */
export async function hasFactor(tx: Tx, userId: string): Promise<boolean> {
  const { rows } = await sql<{ id: string }>`
    SELECT id FROM hexabase.second_factors WHERE user_id = ${userId} AND confirmed_at IS NOT NULL LIMIT 1`.execute(
    tx,
  );
  return rows.length > 0;
}

/** Notes a secret that waits to be confirmed; one that waited before is forgotten. */
export async function insertPendingTotp(
  tx: Tx,
  factor: { id: string; userId: string; name: string; sealed: string },
  nowMs: number,
): Promise<void> {
  await sql`DELETE FROM hexabase.second_factors WHERE user_id = ${factor.userId} AND confirmed_at IS NULL`.execute(
    tx,
  );
  await sql`
    INSERT INTO hexabase.second_factors (id, user_id, kind, name, secret_sealed, created_at)
    VALUES (${factor.id}, ${factor.userId}, 'totp', ${factor.name}, ${factor.sealed}, ${new Date(nowMs)})`.execute(
    tx,
  );
}

/** A secret that waits to be confirmed and is not too old; locked until the end of the transaction. */
export async function findPendingTotp(
  tx: Tx,
  which: { id: string; userId: string; since: Date },
): Promise<(TotpRow & { name: string }) | null> {
  const { rows } = await sql<TotpRow & { name: string }>`
    SELECT id, name, secret_sealed AS sealed FROM hexabase.second_factors
    WHERE id = ${which.id} AND user_id = ${which.userId} AND confirmed_at IS NULL AND created_at > ${which.since}
    FOR UPDATE`.execute(tx);
  return rows[0] ?? null;
}

export async function confirmTotp(
  tx: Tx,
  { id, step }: { id: string; step: number },
  nowMs: number,
): Promise<void> {
  const now = new Date(nowMs);
  await sql`UPDATE hexabase.second_factors SET confirmed_at = ${now}, last_used_at = ${now}, last_step = ${step}
    WHERE id = ${id}`.execute(tx);
}

export async function activeTotps(tx: Tx, userId: string): Promise<TotpRow[]> {
  const { rows } = await sql<TotpRow>`
    SELECT id, secret_sealed AS sealed FROM hexabase.second_factors
    WHERE user_id = ${userId} AND kind = 'totp' AND confirmed_at IS NOT NULL`.execute(tx);
  return rows;
}

/** Spends a time step; false when it, or a later one, was spent before. Of parallel calls one wins. */
export async function spendStep(
  tx: Tx,
  { id, step }: { id: string; step: number },
  nowMs: number,
): Promise<boolean> {
  const { numAffectedRows } = await sql`
    UPDATE hexabase.second_factors SET last_step = ${step}, last_used_at = ${new Date(nowMs)}
    WHERE id = ${id} AND last_step < ${step}`.execute(tx);
  return numAffectedRows === 1n;
}

export interface NewPasskey extends Omit<PasskeyRow, 'counter'> {
  userId: string;
  name: string;
  counter: number;
  rpId: string;
}

/** False when the passkey is known already, whoever has it. */
export async function insertPasskey(tx: Tx, key: NewPasskey, nowMs: number): Promise<boolean> {
  const now = new Date(nowMs);
  const { numAffectedRows } = await sql`
    INSERT INTO hexabase.second_factors
      (id, user_id, kind, name, credential_id, public_key, counter, transports, rp_id, created_at, confirmed_at)
    VALUES (${key.id}, ${key.userId}, 'passkey', ${key.name}, ${key.credentialId}, ${key.publicKey}, ${key.counter},
      ${key.transports}, ${key.rpId}, ${now}, ${now})
    ON CONFLICT (credential_id) DO NOTHING`.execute(tx);
  return numAffectedRows === 1n;
}

/** Passkeys of the person that work under this name of ours. */
export async function passkeysOf(tx: Tx, of: { userId: string; rpId: string }): Promise<PasskeyRow[]> {
  const { rows } = await sql<PasskeyRow>`
    SELECT id, credential_id AS "credentialId", public_key AS "publicKey", counter::float8 AS counter, transports
    FROM hexabase.second_factors WHERE user_id = ${of.userId} AND kind = 'passkey' AND rp_id = ${of.rpId}
    ORDER BY created_at FOR UPDATE`.execute(tx);
  return rows;
}

export async function notePasskeyUse(
  tx: Tx,
  { id, counter }: { id: string; counter: number },
  nowMs: number,
): Promise<void> {
  await sql`UPDATE hexabase.second_factors SET counter = ${counter}, last_used_at = ${new Date(nowMs)}
    WHERE id = ${id}`.execute(tx);
}

/** The name of one of the person's, confirmed or not; null when there is none such. */
export async function factorName(tx: Tx, which: { id: string; userId: string }): Promise<string | null> {
  const { rows } = await sql<{ name: string }>`
    SELECT name FROM hexabase.second_factors WHERE id = ${which.id} AND user_id = ${which.userId}`.execute(
    tx,
  );
  return rows[0]?.name ?? null;
}

/** Whether it was one that is asked for, and none that waited for its first code. */
export async function deleteFactor(tx: Tx, which: { id: string; userId: string }): Promise<boolean> {
  const { rows } = await sql<{ confirmed: boolean }>`DELETE FROM hexabase.second_factors
    WHERE id = ${which.id} AND user_id = ${which.userId}
    RETURNING confirmed_at IS NOT NULL AS confirmed`.execute(tx);
  return rows[0]?.confirmed === true;
}

/** Removes all factors and codes of a person; what they were in the middle of goes with their sessions. */
export async function deleteAllFactors(tx: Tx, userId: string): Promise<void> {
  for (const table of ['second_factors', 'recovery_codes'])
    await sql`DELETE FROM ${sql.table(`hexabase.${table}`)} WHERE user_id = ${userId}`.execute(tx);
}

/** Replaces the codes of a person by these hashes. */
export async function replaceRecoveryCodes(tx: Tx, userId: string, hashes: readonly string[]): Promise<void> {
  await sql`DELETE FROM hexabase.recovery_codes WHERE user_id = ${userId}`.execute(tx);
  await sql`INSERT INTO hexabase.recovery_codes (user_id, code_hash)
    SELECT ${userId}, unnest(${[...hashes]}::text[])`.execute(tx);
}

/** Spends a code; false when it is unknown or was spent before. */
export async function spendRecoveryCode(
  tx: Tx,
  code: { userId: string; hash: string },
  nowMs: number,
): Promise<boolean> {
  const { numAffectedRows } = await sql`
    UPDATE hexabase.recovery_codes SET used_at = ${new Date(nowMs)}
    WHERE user_id = ${code.userId} AND code_hash = ${code.hash} AND used_at IS NULL`.execute(tx);
  return numAffectedRows === 1n;
}

/** Null when the person was never given any. */
export async function recoveryCodesLeft(tx: Tx, userId: string): Promise<number | null> {
  const { rows } = await sql<{ given: number; left: number }>`
    SELECT count(*)::integer AS given, count(*) FILTER (WHERE used_at IS NULL)::integer AS left
    FROM hexabase.recovery_codes WHERE user_id = ${userId}`.execute(tx);
  const [row] = rows;
  return row && row.given > 0 ? row.left : null;
}
