import type { Grant } from '@hexabase/contract/access/grant.ts';
import { shellWord } from '../run/shell-word.ts';
import type { Context } from '../run/use-case.ts';
import type { GrantedOrganization } from './store.ts';

/** Queues a letter to each owner; it leaves with the commit that lets the operator in. */
export async function tellOwners(
  { tx, ports, nowMs }: Context,
  { organization, made }: { organization: GrantedOrganization; made: Grant },
): Promise<void> {
  const what =
    made.level === 'read' ? 'look at everything' : 'look at everything and change workspaces and projects';
  const text = [
    `${made.operator}, who runs this platform, has let themselves into ${organization.name} without being asked in.`,
    '',
    `    why      ${made.reason}`,
    `    may      ${what}`,
    `    until    ${made.expiresAt}`,
    '',
    'To end it at once:',
    '',
    `    hks grant revoke ${made.id} --organization ${organization.slug}`,
    '',
    'What they do is in the audit log of the organization:',
    '',
    `    hks audit list --organization ${organization.slug} --actor ${shellWord(made.operator)}`,
    '',
  ].join('\n');
  const subject = `An operator has let themselves into ${organization.name}`;
  for (const recipient of organization.owners) {
    const mail = { kind: 'grant.break-glass', recipient, subject, text, organizationId: organization.id };
    await ports.mail.queue(tx, mail, nowMs);
  }
}
