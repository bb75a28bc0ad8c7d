import { groupName } from '@hexabase/contract/access/group.ts';
import type { Tx } from '@hexabase/postgres/database.ts';
import { revokeUsers } from '@hexabase/postgres/revoke-users.ts';
import { recordAuth } from '../auth-audit.ts';
import type { GroupClaim } from './group-claim.ts';
import {
  addImported,
  ensureImportedGroups,
  findBinding,
  findGroupIds,
  removeImportedBut,
  type Binding,
} from './import-store.ts';

/** What a provider said about somebody who has wholly signed in through it. */
export interface SaidGroups {
  providerId: string;
  userId: string;
  claim: GroupClaim;
}

interface Skipped {
  value: string;
  why: 'no such group' | 'not a name for a group' | 'name taken, or too many groups';
}

/** Entries of the audit log name no more than this of each. */
const namedMax = 50;

/**
 * Brings somebody's memberships that came from a provider to what it says now: in the one organization that an operator
 * bound it to, of which they must be a member already, and in the log of which the change stands. What they were given by
 * hand stays. A claim that cannot be used changes nothing.
 */
export async function importGroups(tx: Tx, said: SaidGroups, nowMs: number): Promise<void> {
  const binding = await findBinding(tx, said);
  if (!binding) return;
  const { userId, claim } = said;
  const { provider, organizationId } = binding;
  if (!binding.isMember) {
    await change(tx, { binding, userId, wanted: [] });
    // In the log of the person: that organization is not told who else signs in through the provider.
    const event = { userId, action: 'auth.groups', outcome: 'denied' } as const;
    await recordAuth(tx, { ...event, details: { provider, problem: 'not a member' } }, nowMs);
    return;
  }
  if ('problem' in claim) {
    const event = { userId, organizationId, action: 'auth.groups', outcome: 'denied' } as const;
    await recordAuth(tx, { ...event, details: { provider, problem: claim.problem } }, nowMs);
    return;
  }
  const { wanted, skipped } = await groupsFor(tx, { binding, values: claim.values, nowMs });
  const { added, removed } = await change(tx, { binding, userId, wanted });
  if (added.length + removed.length + skipped.length + claim.unfit === 0) return;
  const details = {
    provider,
    ...counted('added', added),
    ...counted('removed', removed),
    ...counted('skipped', skipped),
    ...(claim.unfit > 0 && { unfit: claim.unfit }),
  };
  await recordAuth(tx, { userId, organizationId, action: 'auth.groups', details }, nowMs);
}

async function change(
  tx: Tx,
  { binding, userId, wanted }: { binding: Binding; userId: string; wanted: readonly string[] },
): Promise<{ added: string[]; removed: string[] }> {
  const where = { provider: binding.provider, organizationId: binding.organizationId, userId };
  // What is added holds the membership, and that comes first: whoever takes them out of the organization does the same.
  const added = await addImported(tx, where, wanted);
  const removed = await removeImportedBut(tx, where, wanted);
  // Also who gains must get a new token: the old one does not carry the group.
  if (added.length > 0) await revokeUsers(tx, binding.organizationId, [userId]);
  return { added, removed };
}

/** Ids of the groups that the values stand for, and the values that stand for none although they should. */
async function groupsFor(
  tx: Tx,
  { binding, values, nowMs }: { binding: Binding; values: readonly string[]; nowMs: number },
): Promise<{ wanted: string[]; skipped: Skipped[] }> {
  const { organizationId, provider, parent } = binding;
  const targets = new Map(binding.map.map(({ value, group }) => [value, group.toLowerCase()]));
  const names = [...targets.values(), ...(parent === null ? [] : [parent.toLowerCase()])];
  const known = await findGroupIds(tx, organizationId, names);
  const parentId = parent === null ? null : known.get(parent.toLowerCase());
  const nameable = values.filter((value) => !targets.has(value) && isName(value));
  const below = parentId
    ? await ensureImportedGroups(tx, { organizationId, provider, parentId, values: nameable }, nowMs)
    : new Map<string, string>();

  const wanted: string[] = [];
  const skipped: Skipped[] = [];
  for (const value of values) {
    const target = targets.get(value);
    // Without a parent group only what is mapped means anything here.
    if (target === undefined && parentId === null) continue;
    const id = target === undefined ? below.get(value) : known.get(target);
    if (id !== undefined) wanted.push(id);
    else if (target !== undefined || parentId === undefined) skipped.push({ value, why: 'no such group' });
    else
      skipped.push({
        value,
        why: isName(value) ? 'name taken, or too many groups' : 'not a name for a group',
      });
  }
  return { wanted, skipped };
}

function isName(value: string): boolean {
  // The schema trims what people type; a provider's value is taken as it is.
  return groupName.safeParse(value).data === value;
}

function counted(what: string, all: readonly unknown[]): Record<string, unknown> {
  if (all.length === 0) return {};
  return { [what]: all.slice(0, namedMax), ...(all.length > namedMax && { [`${what}Total`]: all.length }) };
}
