import type { Link } from '@hexabase/authz/effective-access.ts';
import type { Below } from './store.ts';

/** Somebody in a group, with the shortest chain from their own group up to it. */
export interface MemberBelow {
  userId: string;
  chain: Link[];
}

/** A longer chain is told in short: both ends, and how many groups are between them. */
const chainMax = 20;
const endsShown = 8;

/**
 * Who is in a group, through the groups below it: each person once, by the nearest of the groups that they are in. `of` answers null when looking at all that was asked
 * would take more than ten steps for each of `membersMax` people: groups and memberships that are looked at together.
 */
export function membersBelow(
  { groups, members }: Below,
  membersMax: number,
): { of(groupId: string): MemberBelow[] | null } {
  const known = new Map(groups.map((group) => [group.id, group]));
  const childrenOf = Map.groupBy(groups, (group) => group.parentId);
  const membersOf = Map.groupBy(members, (member) => member.groupId);
  let stepsLeft = membersMax * 10;
  return {
    of(groupId) {
      const found: MemberBelow[] = [];
      const seen = new Set<string>();
      // The queue grows while it is read: the nearest groups come first.
      const queue = [{ id: groupId, depth: 1, top: [linkTo(groupId)] }];
      for (const { id, depth, top } of queue) {
        const [own, children] = [membersOf.get(id) ?? [], childrenOf.get(id) ?? []];
        stepsLeft -= 1 + own.length;
        if (stepsLeft < 0) return null;
        const chain = own.length > 0 ? chainFrom(id, { depth, top }) : [];
        for (const { userId } of own) {
          if (!seen.has(userId)) found.push({ userId, chain });
          seen.add(userId);
        }
        for (const child of children)
          queue.push({
            id: child.id,
            depth: depth + 1,
            top: top.length < endsShown ? [linkTo(child.id), ...top] : top,
          });
      }
      return found;
    },
  };

  function linkTo(id: string): Link {
    return { kind: 'group', id, name: known.get(id)?.name ?? '' };
  }

  function chainFrom(id: string, { depth, top }: { depth: number; top: Link[] }): Link[] {
    const short = depth > chainMax;
    const start: Link[] = [];
    let at: string | null = id;
    while (at !== null && start.length < (short ? endsShown : depth)) {
      start.push(linkTo(at));
      at = known.get(at)?.parentId ?? null;
    }
    return short ? [...start, { kind: 'groups-between', count: depth - 2 * endsShown }, ...top] : start;
  }
}
