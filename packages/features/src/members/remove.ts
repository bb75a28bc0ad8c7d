import type { KnownSecret, member } from '@hexabase/contract/people/member.ts';
import type { UseCase } from '../run/use-case.ts';
import { endMembership } from './membership.ts';
import { requireMember, requireRank } from './rules.ts';
import { secretsMadeBy } from './secrets-store.ts';

/**
 * Removes a member from the organization, from its groups and from every role that was given to them. What they made for
 * machines goes on, since others rely on it; the answer says what they may have kept of it, and how to end that.
 */
export const removeMember: UseCase<typeof member.operations.remove> = async (context, { params }) => {
  const found = await requireMember(context, params.userId);
  requireRank(context.role, found.role);
  await endMembership(context, found);
  const { tx, target, nowMs } = context;
  const { organizationId } = target;
  const made = await secretsMadeBy(tx, { organizationId, userId: found.userId, at: new Date(nowMs) });
  const secrets = made.map((secret) => ({ ...secret, howTo: howToEnd(secret, organizationId) }));
  if (secrets.length > 0) context.note({ secretsLeft: secrets.map(({ kind, id }) => `${kind}/${id}`) });
  return { data: { ...found, secrets, notice: noticeOf(found.email, secrets) } };
};

/** By id: a name is free text of the person who is leaving, and this is pasted into a shell. */
function howToEnd({ kind, id, serviceAccount }: Omit<KnownSecret, 'howTo'>, organizationId: string): string {
  return kind === 'token'
    ? `hks service-account tokens revoke ${serviceAccount} ${id} --organization ${organizationId}`
    : `hks federation delete ${id} --organization ${organizationId}`;
}

function noticeOf(email: string, secrets: readonly KnownSecret[]): string | null {
  if (secrets.length === 0) return null;
  const lines = secrets.map(({ kind, name, serviceAccount, lastUsedAt, howTo }) => {
    const what =
      kind === 'token'
        ? `token ${quoted(name)} of service account ${serviceAccount}`
        : `CI rule ${quoted(name)}, for jobs as ${serviceAccount}`;
    const used =
      lastUsedAt === null ? 'never used' : `last used ${lastUsedAt.slice(0, 16).replace('T', ' ')} UTC`;
    return `  ${what}, ${used}\n    ${howTo}`;
  });
  return [
    `${email} made these for machines and may still get in by them. Make anew what is needed, then end them:`,
    ...lines,
  ].join('\n');
}

function quoted(name: string): string {
  return JSON.stringify(name.replace(/[\p{Cc}\p{Cf}\p{Cs}\p{Zl}\p{Zp}]/gu, ' '));
}
