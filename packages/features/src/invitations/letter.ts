import type { OrganizationRole } from '@hexabase/kernel/actor.ts';
import { AppError } from '@hexabase/kernel/errors.ts';
import type { TargetContext } from '../run/use-case.ts';
import { invitationDays } from './invitation.ts';
import { countLetter, namesOfOrganization } from './store.ts';

/**
 * Letters in 24 hours: to one address from everybody together, by one account in all organizations, from one organization.
 * Nobody uses up by themselves what an address may be sent: it waits for somebody else's invitation, perhaps.
 */
const lettersMost = { recipient: 10, account: 200, organization: 300, accountToRecipient: 3 };
const shownCharactersMax = 40;

/**
 * Queues the letter with the code that works once. Throws `rate_limited`: the platform is nobody's means of flooding a
 * mailbox, and whoever has many organizations has no more letters.
 */
export async function sendLetter(
  context: TargetContext,
  { email, role, code }: { email: string; role: OrganizationRole; code: string },
): Promise<void> {
  const { tx, ports, target, actor, nowMs } = context;
  await requireLetter(context, email);
  const organization = harmless((await namesOfOrganization(tx, target.organizationId)).name);
  await ports.mail.queue(
    tx,
    {
      kind: 'invitation',
      recipient: email,
      organizationId: target.organizationId,
      // Nothing that the sender chose: a subject is read before anybody looks at who wrote it.
      subject: 'Invitation to an organization on Hexabase AI',
      text: [
        `${actor.email} invites you to the organization "${organization}" on Hexabase AI, as ${role}.`,
        '',
        `Sign in at ${ports.mail.site} as ${email}, then accept:`,
        '',
        `    hks invitation accept ${code}`,
        '',
        'No account yet? Make one here first, where passwords are used:',
        '',
        `    ${ports.mail.site}/auth/finish?code=${code}`,
        '',
        `The code works once, for ${invitationDays} days, and only for this address.`,
        'If you do not know the sender, do nothing: without your answer nothing happens.',
        '',
      ].join('\n'),
    },
    nowMs,
  );
}

async function requireLetter({ tx, actor, target, nowMs }: TargetContext, email: string): Promise<void> {
  const full = await countLetter(tx, {
    counters: [
      { of: 'sender', id: `${actor.userId} ${email}`, most: lettersMost.accountToRecipient },
      { of: 'recipient', id: email, most: lettersMost.recipient },
      { of: 'account', id: actor.userId, most: lettersMost.account },
      { of: 'organization', id: target.organizationId, most: lettersMost.organization },
    ],
    at: new Date(nowMs),
  });
  if (full === null) return;
  const whose = {
    sender: `You have sent ${lettersMost.accountToRecipient} invitations to this address`,
    recipient: 'Many invitations have been sent to this address',
    account: `You have sent ${lettersMost.account} invitations`,
    organization: `This organization has sent ${lettersMost.organization} invitations`,
  }[full.of];
  throw new AppError('rate_limited', {
    message: `${whose} within a day; send this one later.`,
    details: { retryAfterSeconds: full.waitSeconds },
  });
}

/** A name that somebody chose, so that no mail program makes a link of it. */
function harmless(name: string): string {
  const plain = name
    .replace(/[\p{C}\p{Z}"]+/gu, ' ')
    .replace(/:\/\//g, ' ')
    .replace(/[.@](?=\S)/gu, '$& ')
    .trim();
  const characters = [...plain];
  return characters.length > shownCharactersMax
    ? `${characters.slice(0, shownCharactersMax).join('')}…`
    : plain;
}
