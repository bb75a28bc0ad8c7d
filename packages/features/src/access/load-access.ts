import {
  grantsOfOrganizationRole,
  kubernetesGroups,
  type EffectiveAccess,
} from '@hexabase/authz/effective-access.ts';
import type { Database, Tx } from '@hexabase/postgres/database.ts';
import { loadGrants, readStanding, type PersonInWorkspace, type Standing } from './store.ts';

/** What somebody has in a workspace, and the epoch it was true at. */
export interface AccessAt {
  epoch: number;
  access: EffectiveAccess;
}

/** Everything that somebody has in a workspace, or null for who is not in its organization. Read from the database. */
export async function loadAccess(tx: Tx, person: PersonInWorkspace): Promise<AccessAt | null> {
  const standing = await readStanding(tx, person);
  return standing && { epoch: standing.epoch, access: await accessOf(tx, person, standing) };
}

/** What a token for a workspace says, and the epoch it was true at. */
export interface GroupsAt {
  epoch: number;
  role: Standing['role'];
  groups: string[];
}

const rememberedMax = 5_000;
const remembered = new WeakMap<Database, Map<string, GroupsAt>>();

/**
 * The groups by which the cluster knows somebody. Answers from memory while the person's epoch, which is read each time, is the one that the
 * answer was computed at: every change of groups and roles raises it. Not for transactions that change those: what
 * they roll back must not be remembered.
 */
export async function recallGroups(
  { tx, database }: { tx: Tx; database: Database },
  person: PersonInWorkspace,
): Promise<GroupsAt | null> {
  const standing = await readStanding(tx, person);
  if (!standing) return null;
  const known = rememberedOf(database);
  const key = `${person.userId} ${person.workspaceId}`;
  const found = known.get(key);
  if (found?.epoch === standing.epoch && found.role === standing.role) return found;
  const loaded = { ...standing, groups: kubernetesGroups(await accessOf(tx, person, standing)) };
  known.delete(key);
  known.set(key, loaded);
  const [oldest] = known.keys();
  if (known.size > rememberedMax && oldest !== undefined) known.delete(oldest);
  return loaded;
}

async function accessOf(tx: Tx, person: PersonInWorkspace, { role }: Standing): Promise<EffectiveAccess> {
  // Whatever their groups were given: who looks after the bills reaches no workspace.
  const given = role === 'billing' ? [] : await loadGrants(tx, person);
  const grants = [...grantsOfOrganizationRole(role), ...given];
  return { userId: person.userId, organizationRole: role, grants };
}

function rememberedOf(database: Database): Map<string, GroupsAt> {
  const known = remembered.get(database) ?? new Map<string, GroupsAt>();
  remembered.set(database, known);
  return known;
}
