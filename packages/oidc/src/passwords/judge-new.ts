import type { Clock } from '@hexabase/kernel/clock.ts';
import type { Database } from '@hexabase/postgres/database.ts';
import { forgiveAttempts, reserveAttempt } from '../sessions/login-attempts.ts';
import { findUserByEmail } from '../users.ts';
import { requireGoodPassword, wordsAbout } from './require-good.ts';

/**
 * Judges a password that somebody chooses for an account, before the transaction that sets it: judging takes long, and no
 * connection waits for it. Refused ones are counted for the account, whoever sends them. Throws AppError
 * `validation_failed`, and `rate_limited` after too many.
 */
export async function judgeNewPassword(
  { db, clock }: { db: Pick<Database, 'asIdentity'>; clock: Clock },
  { email, password }: { email: string; password: string },
): Promise<void> {
  const place = { email: 'new password', address: `account ${email}` };
  const words = await db.asIdentity(async (tx) => {
    await reserveAttempt(tx, place, clock.now());
    const user = await findUserByEmail(tx, email);
    return wordsAbout(tx, { email, displayName: user?.displayName ?? '' });
  });
  await requireGoodPassword(password, words);
  await db.asIdentity((tx) => forgiveAttempts(tx, place));
}
