import type { OrganizationRole } from '@hexabase/kernel/actor.ts';
import type { TargetContext } from '../run/use-case.ts';
import { invitationDays } from './invitation.ts';
import { namesOfOrganization } from './store.ts';

/** Queues the letter with the code that works once. */
export async function sendLetter(
  { tx, ports, target, actor, nowMs }: TargetContext,
  { email, role, code }: { email: string; role: OrganizationRole; code: string },
): Promise<void> {
  const { name: organization } = await namesOfOrganization(tx, target.organizationId);
  await ports.mail.queue(
    tx,
    {
      kind: 'invitation',
      recipient: email,
      organizationId: target.organizationId,
      subject: `You are invited to ${organization}`,
      text: [
        `${actor.email} invites you to the organization ${organization} on Hexabase AI, as ${role}.`,
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
