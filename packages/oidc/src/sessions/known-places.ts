import { addressBlock } from '@hexabase/kernel/client-address.ts';
import type { UserId } from '@hexabase/kernel/id.ts';
import type { Tx } from '@hexabase/postgres/database.ts';
import { sql } from 'kysely';
import type { Device } from './session-store.ts';

const rememberedMs = 30 * 86_400_000;

/**
 * Whether this account was signed in lately at this address or on this device. What its owner or a stolen refresh token has
 * ended says nothing: that may have been a thief's.
 */
export async function isKnownPlace(
  tx: Tx,
  { userId, device }: { userId: UserId; device: Device },
  nowMs: number,
): Promise<boolean> {
  const { rows } = await sql<{ address: string | null; deviceId: string | null }>`
    SELECT DISTINCT address, device_id AS "deviceId" FROM hexabase.sessions
    WHERE user_id = ${userId} AND last_used_at > ${new Date(nowMs - rememberedMs)}
      AND (end_reason IS NULL OR end_reason NOT IN ('revoked', 'refresh_reused'))`.execute(tx);
  const block = addressBlock(device.address);
  return rows.some(
    ({ address, deviceId }) =>
      (address !== null && addressBlock(address) === block) ||
      (deviceId !== null && deviceId === device.deviceId),
  );
}
