import type { Link } from '@hexabase/authz/effective-access.ts';

/** A group in which somebody is, directly or through one below it. */
export interface ReachedGroup {
  id: string;
  parentId: string | null;
  name: string;
  /** Somebody is in this one itself. */
  direct: boolean;
}

/** Ways from a person's own groups up to those that they are in through them. */
export interface GroupChains {
  /** From the person's own group to this one; empty for a group that was not reached. */
  to(groupId: string): Link[];
}

/** Chains of one answer have so many groups in all before long ones are told in short. */
const groupsShownMax = 10_000;
/** Of a chain that is told in short, so many of its groups at either end. */
const endsShown = 8;

/**
 * Finds for each group the shortest way to it: who is in several groups below one is shown with the nearest, and of two as
 * near with the first by name. Every way is one entry per group, however many ways there are and however long they are.
 * `asked` are those whose chains will be shown: where they would be more than ten thousand groups together, of long
 * ones only both ends are told, and how many groups are between them.
 */
export function shortestChains(groups: readonly ReachedGroup[], asked: readonly string[]): GroupChains {
  const known = new Map(groups.map((group) => [group.id, group]));
  const steps = new Map<string, { below: ReachedGroup | null; length: number }>();
  const queue = groups.filter((group) => group.direct).toSorted((a, b) => compare(a.name, b.name));
  for (const group of queue) steps.set(group.id, { below: null, length: 1 });
  // The queue grows while it is read: groups come in the order of their distance.
  for (const group of queue) {
    const parent = group.parentId === null ? undefined : known.get(group.parentId);
    if (!parent || steps.has(parent.id)) continue;
    steps.set(parent.id, { below: group, length: (steps.get(group.id)?.length ?? 0) + 1 });
    queue.push(parent);
  }
  const inAll = asked.reduce((sum, id) => sum + (steps.get(id)?.length ?? 0), 0);
  const inShort = inAll > groupsShownMax;
  return {
    to(groupId) {
      const last = known.get(groupId);
      if (!last || !steps.has(groupId)) return [];
      const chain: Link[] = [];
      for (let at: ReachedGroup | null = last; at; at = steps.get(at.id)?.below ?? null)
        chain.push({ kind: 'group', id: at.id, name: at.name });
      chain.reverse();
      const between = chain.length - 2 * endsShown;
      if (inShort && between > 1)
        chain.splice(endsShown, between, { kind: 'groups-between', count: between });
      return chain;
    },
  };
}

function compare(a: string, b: string): number {
  if (a === b) return 0;
  return a < b ? -1 : 1;
}
