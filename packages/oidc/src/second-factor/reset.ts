import type { KeyVault } from '@hexabase/kernel/key-vault.ts';
import type { Tx } from '@hexabase/postgres/database.ts';
import { revokeUser } from '../revocation.ts';
import { endAllSessions } from '../sessions/session-store.ts';
import type { User } from '../users.ts';
import { deleteAllFactors } from './factor-store.ts';
import { tellPerson } from './notices.ts';

/**
 * Help for somebody who has lost every factor, by an operator of the platform: all are removed, every session ends, and
 * the person is told by letter. Runs as identity.
 */
export async function resetFactors(
  tx: Tx,
  user: Pick<User, 'id' | 'email'>,
  { vault, nowMs }: { vault: KeyVault; nowMs: number },
): Promise<void> {
  await deleteAllFactors(tx, user.id);
  await endAllSessions(tx, { userId: user.id, reason: 'revoked' }, nowMs);
  await revokeUser(tx, user.id);
  await tellPerson(tx, { userId: user.id, email: user.email, event: { what: 'reset' }, vault, nowMs });
}
