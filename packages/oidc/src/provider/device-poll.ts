import type { Tx } from '@hexabase/postgres/database.ts';
import { sql } from 'kysely';
import { payloadDigest } from './payload-digest.ts';

const pollSeconds = 5;
/** Devices that keep to the interval must not be told off because a packet was fast. */
const toleranceSeconds = 0.5;

/** Notes that a device asked; true when it was too early, which makes its interval longer (RFC 8628 §3.5). */
export async function pollsTooFast(tx: Tx, deviceCode: string, nowMs: number): Promise<boolean> {
  const id = payloadDigest('DeviceCode', deviceCode);
  const now = new Date(nowMs);
  const { rows } = await sql<{ early: boolean | null }>`
    WITH before AS (
      SELECT id, next_poll_at > ${now}::timestamptz AS early,
        coalesce(poll_seconds, ${pollSeconds}::integer)
          + CASE WHEN next_poll_at > ${now}::timestamptz THEN ${pollSeconds}::integer ELSE 0 END AS seconds
      FROM oidc.payloads WHERE model = 'DeviceCode' AND id = ${id} FOR UPDATE
    )
    UPDATE oidc.payloads p SET poll_seconds = before.seconds,
      next_poll_at = ${now}::timestamptz + (before.seconds - ${toleranceSeconds}::float8) * interval '1 second'
    FROM before WHERE p.model = 'DeviceCode' AND p.id = before.id
    RETURNING before.early`.execute(tx);
  return rows[0]?.early === true;
}
