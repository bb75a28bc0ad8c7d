import { presetsWithin, type Link } from '@hexabase/authz/effective-access.ts';
import type { KeptRole, Member } from '@hexabase/contract/people/member.ts';
import type { OrganizationRole } from '@hexabase/kernel/actor.ts';
import { shortestChains } from '../access/group-chains.ts';
import { reachedGroups } from '../access/store.ts';
import { whySentence } from '../access/words.ts';
import { shellWord } from '../run/shell-word.ts';
import type { TargetContext } from '../run/use-case.ts';
import { keptRoleRows, type KeptRow } from './kept-roles-store.ts';

/** More are counted and not told. */
const toldMax = 200;
/** More than these are no text that somebody reads. */
const linesMax = 20;

interface KeptRoles {
  rolesKept: KeptRole[];
  notice: string | null;
}

/**
 * What groups and given roles still give somebody beside the role that they have in the organization now: those who lower
 * it must hear of what that does not take. The entry in the audit log names it too.
 */
export async function keptRoles(
  context: TargetContext,
  { userId, email, displayName, role }: Pick<Member, 'userId' | 'email' | 'displayName' | 'role'>,
): Promise<KeptRoles> {
  if (!isBelowAdmin(role)) return { rolesKept: [], notice: null };
  const { tx, target } = context;
  const { organizationId } = target;
  const groups = await reachedGroups(tx, { userId, organizationId });
  const { rows, total } = await keptRoleRows(tx, {
    organizationId,
    userId,
    groupIds: groups.map(({ id }) => id),
    but: presetsWithin(role),
    limit: toldMax,
  });
  const chains = shortestChains(
    groups,
    rows.flatMap(({ groupId }) => groupId ?? []),
  );
  const rolesKept = rows.map((row): KeptRole => {
    const through = row.groupId === null ? [] : chains.to(row.groupId);
    const { workspace, project } = row;
    const howTo = howToEnd({ row, through, userId, organizationId });
    return {
      workspace,
      project,
      role: row.role,
      group: nameOf(through.at(-1)),
      why: why(displayName, row, through),
      howTo,
    };
  });
  if (total > 0) context.note({ rolesKept: rolesKept.map(placeOf), rolesKeptInAll: total });
  return { rolesKept, notice: noticeOf({ rolesKept, total }, { email, role }) };
}

/** Above it everything in every workspace is theirs anyway; `billing` has lost all that was given. */
function isBelowAdmin(role: OrganizationRole): boolean {
  return role === 'developer' || role === 'viewer';
}

function why(who: string, row: KeptRow, through: readonly Link[]): string {
  const scope = row.projectId === null ? 'workspace' : 'project';
  const project = row.projectId === null ? null : { id: row.projectId, name: row.project ?? '' };
  return whySentence(who, { role: { id: null, name: row.role, scope, rules: [] }, project, through });
}

/** Out of their own group, the first of the chain: what it has is others' too. By ids, which nobody chose. */
function howToEnd({
  row,
  through,
  userId,
  organizationId,
}: {
  row: KeptRow;
  through: readonly Link[];
  userId: string;
  organizationId: string;
}): string {
  const [own] = through;
  return own?.kind === 'group'
    ? `hks group members remove ${own.id} ${userId} --organization ${organizationId}`
    : `hks assignment delete ${row.id} --workspace ${row.workspaceId}`;
}

function nameOf(link: Link | undefined): string | null {
  return link?.kind === 'group' ? link.name : null;
}

function placeOf({ workspace, project, role }: KeptRole): string {
  return project === null ? `${workspace}: ${role}` : `${workspace}/${project}: ${role}`;
}

function noticeOf(
  { rolesKept, total }: { rolesKept: readonly KeptRole[]; total: number },
  { email, role }: Pick<Member, 'email' | 'role'>,
): string | null {
  if (total === 0) return null;
  const told = rolesKept.slice(0, linesMax);
  const lines = told.map(({ workspace, why, howTo }) => `  workspace ${workspace}: ${why}\n    ${howTo}`);
  const more = total > told.length ? [`  and ${total - told.length} more`] : [];
  const look = `What is left in one: hks access explain ${shellWord(email)} --workspace ${told[0]?.workspace ?? 'NAME'}`;
  return [
    `${email} has the role ${role}, and beside it what was given to them and to their groups. To end that:`,
    ...lines,
    ...more,
    look,
  ].join('\n');
}
