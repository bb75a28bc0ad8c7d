import type { KeyVault } from '@hexabase/kernel/key-vault.ts';
import type { Tx } from '@hexabase/postgres/database.ts';
import { queueMail } from '@hexabase/postgres/mail-queue.ts';
import { recordAuth } from '../auth-audit.ts';

/** What has happened to the second factors of somebody. */
export type FactorEvent =
  | { what: 'added' | 'removed'; name: string }
  | { what: 'codes-renewed' | 'reset' }
  | { what: 'code-used'; left: number };

interface Told {
  userId: string;
  email: string;
  event: FactorEvent;
  vault: KeyVault;
  nowMs: number;
}

/**
 * Tells the person by letter and the audit log, in the transaction of the change: whoever reads it knows what somebody
 * else did.
 */
export async function tellPerson(tx: Tx, { userId, email, event, vault, nowMs }: Told): Promise<void> {
  const { subject, line } = wording(event);
  const text = [
    line,
    '',
    'Was it not you? Then set a new password, sign in, end the other sessions, and look at your second factors with',
    '',
    '    hks second-factor list',
    '',
  ].join('\n');
  const { what, ...details } = event;
  const mail = { kind: `account.second-factor.${what}`, recipient: email, organizationId: null };
  await queueMail(tx, { ...mail, subject: `Hexabase AI: ${subject}`, text }, { vault, nowMs });
  await recordAuth(tx, { userId, action: 'auth.second-factor', details: { what, ...details } }, nowMs);
}

function wording(event: FactorEvent): { subject: string; line: string } {
  switch (event.what) {
    case 'added':
      return {
        subject: 'A second factor was added',
        line: `The second factor "${event.name}" was added to your account. From now on signing in asks for it.`,
      };
    case 'removed':
      return {
        subject: 'A second factor was removed',
        line: `The second factor "${event.name}" was removed from your account.`,
      };
    case 'codes-renewed':
      return {
        subject: 'New recovery codes',
        line: 'New recovery codes were made for your account; the old ones do not work any more.',
      };
    case 'code-used':
      return {
        subject: 'A recovery code was used',
        line: `Somebody signed in to your account with a recovery code. ${event.left} are left.`,
      };
    case 'reset':
      return {
        subject: 'Your second factors were removed',
        line: 'An operator of the platform removed all second factors of your account and ended its sessions.',
      };
  }
}
