import type { Actor } from '@hexabase/kernel/actor.ts';
import { AppError } from '@hexabase/kernel/errors.ts';
import type { Tx } from '@hexabase/postgres/database.ts';
import { changeInTurn } from '../sessions/account-turns.ts';
import { holdProof } from '../sessions/proof.ts';
import { checkPassword, type SignInDeps } from '../sessions/sign-in.ts';
import type { Device } from '../sessions/session-store.ts';
import { setPassword } from '../users.ts';
import { judgeNewPassword } from './judge-new.ts';

export interface PasswordChange {
  current: string;
  password: string;
  device: Device;
}

/**
 * Sets another password for somebody who is signed in and knows the current one, whoever guesses it elsewhere; every
 * session of the account ends. Throws as signing in does for a wrong current one, and where it was changed meanwhile,
 * AppError `validation_failed` for a new one that is too weak, `rate_limited` after too many.
 */
export async function changePassword(
  deps: SignInDeps,
  actor: Pick<Actor, 'userId' | 'email' | 'sessionId'>,
  { current, password, device }: PasswordChange,
): Promise<void> {
  const { userId, email, sessionId } = actor;
  const proven = await checkPassword(deps, { email, password: current, device, sessionId });
  // Of two accounts of one mailbox the other has the address: nobody sets the password of that from this one.
  if (proven.userId !== userId) throw new AppError('invalid_credentials');
  await judgeNewPassword(deps, { email, password });
  const judged = { userId: proven.userId, password, anyPassword: true };
  const set = async (tx: Tx) => {
    // Somebody else who knows the old one may have been faster: theirs, or the owner's, is the password now.
    if (!(await holdProof(tx, proven))) throw new AppError('invalid_credentials');
    await setPassword(tx, judged, deps.clock.now());
  };
  await changeInTurn(proven.userId, () => deps.db.asIdentity(set));
}
