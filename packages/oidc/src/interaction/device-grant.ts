import { addressBlock } from '@hexabase/kernel/client-address.ts';
import { AppError } from '@hexabase/kernel/errors.ts';
import { brandId } from '@hexabase/kernel/id.ts';
import type { Tx } from '@hexabase/postgres/database.ts';
import { sql } from 'kysely';
import type { Proven } from '../sessions/proof.ts';
import { reserveAttempt, returnAttempt } from '../sessions/login-attempts.ts';
import { codeHash, newSecretCode, newUserCode, userCodeHash } from './code-text.ts';
import { GrantError } from './grant-error.ts';

export const deviceCodeSeconds = 600;
export const pollSeconds = 5;
/** One subscriber cannot fill the table with questions that nobody answers. */
const pendingPerBlockMax = 50;

export interface DeviceStart {
  deviceCode: string;
  userCode: string;
  /** Seconds. */
  expiresIn: number;
  /** Seconds between two polls. */
  interval: number;
}

/** What a person is shown before they decide. */
export interface DeviceRequest {
  clientId: string;
  deviceName: string | null;
  /** Where the program asked from. */
  address: string;
  createdAt: Date;
}

/** Remembers that a program asks to be signed in. Throws AppError `rate_limited` when its address asks too much. */
export async function startDevice(
  tx: Tx,
  asker: { clientId: string; deviceName: string | null; address: string },
  nowMs: number,
): Promise<DeviceStart> {
  const now = new Date(nowMs);
  const device = newSecretCode('hksd_');
  const user = newUserCode();
  const block = addressBlock(asker.address);
  const { numAffectedRows } = await sql`
    INSERT INTO hexabase.sign_in_codes
      (id, kind, client_id, state, user_code_hash, device_name, address, address_block, interval_seconds, created_at,
        expires_at)
    SELECT ${device.hash}, 'device', ${asker.clientId}, 'pending', ${user.hash}, ${asker.deviceName}, ${asker.address},
      ${block}, ${pollSeconds}::integer, ${now}::timestamptz, ${new Date(nowMs + deviceCodeSeconds * 1000)}::timestamptz
    WHERE (SELECT count(*) FROM hexabase.sign_in_codes
      WHERE address_block = ${block} AND state = 'pending' AND expires_at > ${now}) < ${pendingPerBlockMax}`.execute(
    tx,
  );
  if (numAffectedRows !== 1n) {
    throw new AppError('rate_limited', {
      message: 'Too many sign-ins wait for an answer; wait for one to end.',
      details: { retryAfterSeconds: 60 },
    });
  }
  return {
    deviceCode: device.code,
    userCode: user.code,
    expiresIn: deviceCodeSeconds,
    interval: pollSeconds,
  };
}

/** What waits behind a typed code, or null. Wrong codes cost more and more time, as wrong passwords do. */
export async function findDevice(
  tx: Tx,
  typed: { userCode: string; address: string },
  nowMs: number,
): Promise<DeviceRequest | null> {
  const place = { email: 'device code', address: typed.address };
  await reserveAttempt(tx, place, nowMs);
  const { rows } = await sql<DeviceRequest>`
    SELECT client_id AS "clientId", device_name AS "deviceName", address, created_at AS "createdAt"
    FROM hexabase.sign_in_codes
    WHERE user_code_hash = ${userCodeHash(typed.userCode)} AND state = 'pending' AND expires_at > ${new Date(nowMs)}`.execute(
    tx,
  );
  const [found] = rows;
  if (found) await returnAttempt(tx, place);
  return found ?? null;
}

/** Answers a waiting program once: with who it is to act for, or with no. False when nothing waits (any more). */
export async function decideDevice(
  tx: Tx,
  decision: { userCode: string; person: Proven | null },
  nowMs: number,
): Promise<boolean> {
  const { person } = decision;
  const { numAffectedRows } = await sql`
    UPDATE hexabase.sign_in_codes SET state = ${person ? 'approved' : 'denied'}, user_id = ${person?.userId ?? null},
      second_factor = ${person?.secondFactor ?? false}, proof = ${person?.proof ?? 0}, user_code_hash = NULL
    WHERE user_code_hash = ${userCodeHash(decision.userCode)} AND state = 'pending'
      AND expires_at > ${new Date(nowMs)}`.execute(tx);
  return numAffectedRows === 1n;
}

interface DeviceRow {
  state: 'pending' | 'approved' | 'denied' | 'used';
  userId: string | null;
  secondFactor: boolean;
  proof: number;
  deviceName: string | null;
  expired: boolean;
  early: boolean;
}

export type PollOutcome =
  | ({ kind: 'approved'; deviceName: string | null } & Proven)
  | { kind: 'refused'; error: GrantError };

/**
 * One poll of a program (RFC 8628 §3.4, §3.5). Refusals are answered, not thrown: what a poll changes must be committed.
 * An approval is handed out once.
 */
export async function pollDevice(
  tx: Tx,
  presented: { deviceCode: string; clientId: string },
  nowMs: number,
): Promise<PollOutcome> {
  const now = new Date(nowMs);
  const id = codeHash(presented.deviceCode);
  const { rows } = await sql<DeviceRow>`
    SELECT state, user_id AS "userId", second_factor AS "secondFactor", proof::float8 AS proof, device_name AS "deviceName", expires_at <= ${now} AS expired,
      coalesce(polled_at + interval_seconds * interval '1 second' > ${now}, false) AS early
    FROM hexabase.sign_in_codes WHERE id = ${id} AND kind = 'device' AND client_id = ${presented.clientId}
    FOR UPDATE`.execute(tx);
  const [row] = rows;
  if (!row || row.state === 'used') return refused('invalid_grant');
  if (row.expired) return refused('expired_token');
  if (row.state === 'denied') return refused('access_denied');
  const used = row.state === 'approved' && !row.early;
  await sql`
    UPDATE hexabase.sign_in_codes SET polled_at = ${now}, state = ${used ? 'used' : row.state},
      interval_seconds = interval_seconds + ${row.early ? pollSeconds : 0}
    WHERE id = ${id}`.execute(tx);
  if (row.early) return refused('slow_down');
  if (row.state === 'pending' || row.userId === null) return refused('authorization_pending');
  const { secondFactor, proof, deviceName } = row;
  return { kind: 'approved', userId: brandId(row.userId), secondFactor, proof, deviceName };
}

function refused(code: ConstructorParameters<typeof GrantError>[0]): PollOutcome {
  return { kind: 'refused', error: new GrantError(code) };
}
