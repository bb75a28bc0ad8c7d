import type { KnownSecret, Member } from '@hexabase/contract/people/member.ts';
import type { TargetContext } from '../run/use-case.ts';
import { secretsMadeBy } from './secrets-store.ts';

interface LeftBehind {
  secrets: KnownSecret[];
  notice: string | null;
}

/**
 * What somebody whose membership has just ended made for machines and may have kept. It goes on, since others rely on it;
 * the entry in the audit log names it in any case, by id.
 */
export async function leftBehind(context: TargetContext, found: Member): Promise<LeftBehind> {
  const { tx, target, nowMs, actor } = context;
  const { organizationId } = target;
  const made = await secretsMadeBy(tx, { organizationId, userId: found.userId, at: new Date(nowMs) });
  const secrets = made.map((secret) => ({ ...secret, howTo: howToEnd(secret, organizationId) }));
  if (secrets.length > 0) context.note({ secretsLeft: secrets.map(({ kind, id }) => `${kind}/${id}`) });
  return { secrets, notice: noticeOf(secrets, found.userId === actor.userId ? null : found.email) };
}

/** By id: a name is free text of the person who is leaving, and this is pasted into a shell. */
function howToEnd({ kind, id, serviceAccount }: Omit<KnownSecret, 'howTo'>, organizationId: string): string {
  return kind === 'token'
    ? `hks service-account tokens revoke ${serviceAccount} ${id} --organization ${organizationId}`
    : `hks federation delete ${id} --organization ${organizationId}`;
}

/** `email` is null for somebody who left by themselves, and can run these commands no more. */
function noticeOf(secrets: readonly KnownSecret[], email: string | null): string | null {
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
  const first =
    email === null
      ? 'You made these for machines, and they go on. Ask an administrator to make anew what is needed, and then to end them:'
      : `${email} made these for machines and may still get in by them. Make anew what is needed, then end them:`;
  return [first, ...lines].join('\n');
}

function quoted(name: string): string {
  return JSON.stringify(name.replace(/[\p{Cc}\p{Cf}\p{Cs}\p{Zl}\p{Zp}]/gu, ' '));
}
