import type { PlatformRole } from '@hexabase/kernel/actor.ts';
import { canonicalEmail, emailPattern, isMachineAddress } from '@hexabase/kernel/text/email-address.ts';
import { AppError } from '@hexabase/kernel/errors.ts';
import { brandId, newId, type UserId } from '@hexabase/kernel/id.ts';
import type { Tx } from '@hexabase/postgres/database.ts';
import { brokenUnique } from '@hexabase/postgres/database-errors.ts';
import { sql, type RawBuilder } from 'kysely';
import { spendCodes } from './letters/code-store.ts';
import { forgetPlaces } from './sessions/known-places.ts';
import { forgetStrangers } from './sessions/login-attempts.ts';
import { endAllSessions } from './sessions/session-store.ts';
import { requireGoodPassword, wordsAbout } from './passwords/require-good.ts';
import { hashPassword } from './sessions/passwords.ts';
import { recordAuth } from './auth-audit.ts';
import { revokeUser } from './revocation.ts';

export interface User {
  id: UserId;
  email: string;
  displayName: string;
  platformRole: PlatformRole | null;
  createdAt: Date;
  disabledAt: Date | null;
}

export interface NewUser {
  email: string;
  displayName: string;
  /** Null for people who only come through another identity provider. */
  password: string | null;
  platformRole?: PlatformRole;
  /** Takes it as it is: for operators (fixtures, recovery), and where it was judged before. */
  anyPassword?: boolean;
  /** They signed up by themselves, so an organization is made for them. */
  organizationDue?: boolean;
}

/** The one spelling of an address that is stored and compared. Throws AppError `validation_failed`. */
export function normalizeEmail(email: string): string {
  const normal = canonicalEmail(email);
  if (!emailPattern.test(normal)) {
    throw new AppError('validation_failed', {
      details: { fields: [{ path: 'email', message: 'is not an e-mail address' }] },
    });
  }
  return normal;
}

/** As `normalizeEmail`, for somebody who is to have an account: those of service accounts are not for people. */
export function personalEmail(email: string): string {
  const normal = normalizeEmail(email);
  if (isMachineAddress(normal)) {
    throw new AppError('validation_failed', {
      details: { fields: [{ path: 'email', message: 'is kept for service accounts, and is no mailbox' }] },
    });
  }
  return normal;
}

/** Makes an account. Runs as identity. Throws AppError `validation_failed` or `already_exists`. */
export async function createUser(tx: Tx, user: NewUser, nowMs: number): Promise<User> {
  const email = personalEmail(user.email);
  if (user.password !== null && user.anyPassword !== true)
    await requireGoodPassword(user.password, await wordsAbout(tx, { ...user, email }));
  const passwordHash = user.password === null ? null : await hashPassword(user.password);
  const id = newId<'User'>(nowMs);
  const platformRole = user.platformRole ?? null;
  const createdAt = new Date(nowMs);
  try {
    await sql`
      INSERT INTO hexabase.users (id, email, display_name, password_hash, platform_role, created_at, organization_due)
      VALUES (${id}, ${email}, ${user.displayName}, ${passwordHash}, ${platformRole}, ${createdAt},
        ${user.organizationDue ?? false})`.execute(tx);
  } catch (error) {
    if (brokenUnique(error) === 'users_email_key') throw new AppError('already_exists', { cause: error });
    throw error;
  }
  return { id, email, displayName: user.displayName, platformRole, createdAt, disabledAt: null };
}

/** Finds an enabled or disabled account by address. Runs as identity. */
export function findUserByEmail(tx: Tx, email: string): Promise<User | null> {
  return findUser(tx, sql`lower(email) = ${normalizeEmail(email)}`);
}

/**
 * As `findUserByEmail`, by id too, and for operators: an account that has kept another spelling than the one that is stored
 * now is found by just that, and never the account of the same mailbox in its place.
 */
export function findUserByName(tx: Tx, idOrEmail: string): Promise<User | null> {
  return findUser(
    tx,
    sql`id = ${idOrEmail} OR email IN (${idOrEmail}, ${canonicalEmail(idOrEmail)})
    ORDER BY (email = ${idOrEmail}) DESC LIMIT 1`,
  );
}

async function findUser(tx: Tx, where: RawBuilder<unknown>): Promise<User | null> {
  const { rows } = await sql<{
    id: string;
    email: string;
    display_name: string;
    platform_role: PlatformRole | null;
    created_at: Date;
    disabled_at: Date | null;
  }>`
    SELECT id, email, display_name, platform_role, created_at, disabled_at FROM hexabase.users
    WHERE ${where}`.execute(tx);
  const row = rows[0];
  if (!row) return null;
  return {
    id: brandId(row.id),
    email: row.email,
    displayName: row.display_name,
    platformRole: row.platform_role,
    createdAt: row.created_at,
    disabledAt: row.disabled_at,
  };
}

/**
 * Sets a password and ends every session of the account; letters that were sent before set no other one. Runs as
 * identity. `anyPassword` takes it as it is.
 */
export async function setPassword(
  tx: Tx,
  change: { userId: UserId; password: string; anyPassword?: boolean },
  nowMs: number,
): Promise<void> {
  if (change.anyPassword !== true) {
    const { rows } = await sql<{ email: string; displayName: string }>`
      SELECT email, display_name AS "displayName" FROM hexabase.users WHERE id = ${change.userId}`.execute(
      tx,
    );
    if (!rows[0]) throw new AppError('not_found');
    await requireGoodPassword(change.password, await wordsAbout(tx, rows[0]));
  }
  const passwordHash = await hashPassword(change.password);
  const { rows: changed } = await sql<{ email: string }>`
    UPDATE hexabase.users SET password_hash = ${passwordHash} WHERE id = ${change.userId}
    RETURNING lower(email) AS email`.execute(tx);
  if (!changed[0]) throw new AppError('not_found');
  await recordAuth(tx, { userId: change.userId, action: 'auth.password-set' }, nowMs);
  await endAllSessions(tx, { userId: change.userId, reason: 'password_changed' }, nowMs);
  await forgetPlaces(tx, change.userId);
  await forgetStrangers(tx, changed[0].email);
  await spendCodes(tx, changed[0].email, nowMs);
  await revokeUser(tx, change.userId);
}

/** Disables an account: every session and token of it stops working within a second. Runs as identity. */
export async function disableUser(tx: Tx, userId: UserId, nowMs: number): Promise<void> {
  // First, as changes do that are made with one: they hold it to their commit, and look at the account after that.
  await sql`SELECT 1 FROM hexabase.api_tokens WHERE user_id = ${userId} ORDER BY id FOR UPDATE`.execute(tx);
  const { numAffectedRows } = await sql`
    UPDATE hexabase.users SET disabled_at = ${new Date(nowMs)} WHERE id = ${userId} AND disabled_at IS NULL`.execute(
    tx,
  );
  if (numAffectedRows !== 1n) return;
  await endAllSessions(tx, { userId, reason: 'user_disabled' }, nowMs);
  await revokeUser(tx, userId);
}

/** Takes a disabled account back; its old sessions stay ended. Runs as identity. */
export async function enableUser(tx: Tx, userId: UserId): Promise<void> {
  await sql`UPDATE hexabase.users SET disabled_at = NULL WHERE id = ${userId}`.execute(tx);
}
