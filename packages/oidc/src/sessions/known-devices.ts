import { newId, type UserId } from '@hexabase/kernel/id.ts';
import type { KeyVault } from '@hexabase/kernel/key-vault.ts';
import type { Tx } from '@hexabase/postgres/database.ts';
import { sql } from 'kysely';
import * as z from 'zod';

/**
 * A browser or program in which somebody signed in before keeps a text of ours that says so. With it a password is tried
 * aside from everybody else's tries, so that strangers slow down nobody whom we know (OWASP, "Slow Down Online Guessing
 * Attacks with Device Cookies"). It signs nobody in, and it is good for `triesMax` wrong passwords in all its life.
 */
export interface KnownDevice {
  id: string;
  userId: string;
  /** Of the account, when this was given out. */
  epoch: number;
}

/** How long it is good for after it was given out. */
const deviceDays = 180;
const dayMs = 86_400_000;
const triesMax = 10;
const context = 'known device';
const charactersMax = 512;

const payload = z.strictObject({
  id: z.string(),
  userId: z.string(),
  epoch: z.number(),
  givenAtMs: z.number(),
});

/** A fresh one for somebody who has just proven who they are; null for a disabled account. */
export async function giveDevice(
  tx: Tx,
  { userId, vault }: { userId: UserId; vault: KeyVault },
  nowMs: number,
): Promise<string | null> {
  const { rows } = await sql<{ epoch: number }>`
    SELECT device_epoch::float8 AS epoch FROM hexabase.users
    WHERE id = ${userId} AND disabled_at IS NULL`.execute(tx);
  const [row] = rows;
  if (!row) return null;
  const given = { id: newId(nowMs), userId, epoch: row.epoch, givenAtMs: nowMs };
  return vault.seal(Buffer.from(JSON.stringify(given)), context);
}

/** What somebody presents, when it is one of ours and not too old. */
export function readDevice(vault: KeyVault, presented: string | null, nowMs: number): KnownDevice | null {
  if (presented === null || presented.length > charactersMax) return null;
  try {
    const { givenAtMs, ...device } = payload.parse(
      JSON.parse(vault.open(presented, context).toString('utf8')),
    );
    return givenAtMs + deviceDays * dayMs > nowMs ? device : null;
  } catch {
    // Forged, cut off, or of another master key: whoever brings it is a stranger.
    return null;
  }
}

/**
 * Counts a try before the password is looked at. False where it gives no right to one: it is another account's, was given
 * before a session of the account was ended as somebody else's or its password changed, or was wrong too often.
 */
export async function reserveDeviceAttempt(
  tx: Tx,
  { device, account }: { device: KnownDevice; account: { userId: UserId; deviceEpoch: number } },
  nowMs: number,
): Promise<boolean> {
  if (device.userId !== account.userId || device.epoch !== account.deviceEpoch) return false;
  const { rows } = await sql`
    INSERT INTO hexabase.device_tries AS d (id, failures, last_at) VALUES (${device.id}, 1, ${new Date(nowMs)})
    ON CONFLICT (id) DO UPDATE SET failures = d.failures + 1, last_at = ${new Date(nowMs)}
    WHERE d.failures < ${triesMax} RETURNING id`.execute(tx);
  return rows.length > 0;
}

/** Whether it was given to this account, and not before something that made all its devices strangers. */
export async function isDeviceOf(tx: Tx, device: KnownDevice, userId: UserId): Promise<boolean> {
  const { rows } = await sql`
    SELECT 1 FROM hexabase.users
    WHERE id = ${userId} AND id = ${device.userId} AND device_epoch = ${device.epoch} AND disabled_at IS NULL`.execute(
    tx,
  );
  return rows.length > 0;
}

/** Gives back a try that was right, and forgets no wrong one: a thief must not have ten more each time that the owner signs in. */
export async function returnDeviceAttempt(tx: Tx, deviceId: string): Promise<void> {
  await sql`UPDATE hexabase.device_tries SET failures = failures - 1 WHERE id = ${deviceId}`.execute(tx);
  // Each sign-in gives out another: most are right the one time that they are used.
  await sql`DELETE FROM hexabase.device_tries WHERE id = ${deviceId} AND failures <= 0`.execute(tx);
}

/** From now on no device of the account is known: one of them may be a thief's. */
export async function forgetDevices(tx: Tx, userId: string): Promise<void> {
  await sql`UPDATE hexabase.users SET device_epoch = device_epoch + 1 WHERE id = ${userId}`.execute(tx);
}

/** Removes counts of devices that are too old to be taken by now. */
export async function pruneDeviceTries(tx: Tx, nowMs: number): Promise<void> {
  const before = new Date(nowMs - deviceDays * dayMs);
  await sql`DELETE FROM hexabase.device_tries WHERE last_at < ${before}`.execute(tx);
}
