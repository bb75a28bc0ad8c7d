import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { shortestChains, type ReachedGroup } from './group-chains.ts';
import { membersBelow } from './members-below.ts';

/** Groups 0…n-1, each below one with a smaller number or at the top, and who is directly in which. */
const forest = fc
  .array(fc.tuple(fc.nat(), fc.boolean(), fc.boolean()), { minLength: 1, maxLength: 20 })
  .map((rows) =>
    rows.map(([number, atTop, direct], index) => ({
      id: `g${index}`,
      name: `n${index}`,
      parentId: index === 0 || atTop ? null : `g${number % index}`,
      direct,
    })),
  );

/** From each group that somebody is in, every way up, in so few lines that one can see that they are right. */
function waysTo(groups: readonly ReachedGroup[], to: string): string[][] {
  const parentOf = new Map(groups.map(({ id, parentId }) => [id, parentId]));
  const up = (id: string | null): string[] => (id === null ? [] : [id, ...up(parentOf.get(id) ?? null)]);
  return groups
    .filter(({ direct }) => direct)
    .map(({ id }) => up(id))
    .filter((way) => way.includes(to))
    .map((way) => way.slice(0, way.indexOf(to) + 1));
}

const idsOf = (links: readonly { kind: string }[]) => links.map((link) => ('id' in link ? link.id : null));

describe('the chain of groups that gives a right', () => {
  it('is the shortest of all ways from somebody’s own groups, the same one from both sides', () => {
    fc.assert(
      fc.property(forest, (groups) => {
        const chains = shortestChains(groups, []);
        const members = groups
          .filter(({ direct }) => direct)
          .map(({ id }) => ({ groupId: id, userId: 'eve' }));
        const below = membersBelow({ groups, members }, 1_000);
        for (const { id } of groups) {
          const ways = waysTo(groups, id);
          const shortest = Math.min(...ways.map((way) => way.length));
          const chain = idsOf(chains.to(id));
          if (ways.length === 0) expect(chain).toEqual([]);
          else expect(ways.filter((way) => way.length === shortest)).toContainEqual(chain);
          const found = below.of(id) ?? [];
          expect(found).toHaveLength(Math.min(1, ways.length));
          for (const { chain: same } of found) expect(same).toHaveLength(shortest);
        }
      }),
    );
  });

  const chainOf = (depth: number, direct: (index: number) => boolean) =>
    Array.from({ length: depth }, (_, index) => ({
      id: `g${index}`,
      name: `n${index}`,
      parentId: index === 0 ? null : `g${index - 1}`,
      direct: direct(index),
    }));

  it('is told whole however deep it is, and in short where there are thousands of groups to tell', () => {
    const deep = chainOf(1_000, (index) => index === 999);
    expect(shortestChains(deep, ['g0']).to('g0')).toHaveLength(1_000);
    const short = shortestChains(
      deep,
      deep.map(({ id }) => id),
    ).to('g0');
    expect(short).toHaveLength(17);
    expect(short[8]).toEqual({ kind: 'groups-between', count: 984 });
    expect([short[0], short[16]]).toEqual([
      { kind: 'group', id: 'g999', name: 'n999' },
      { kind: 'group', id: 'g0', name: 'n0' },
    ]);
  });

  it('is looked for from above in so many steps and no more', () => {
    const deep = chainOf(1_000, () => false);
    const members = deep.map(({ id }, index) => ({ groupId: id, userId: `u${index}` }));
    expect(membersBelow({ groups: deep, members }, 200).of('g0')).toHaveLength(1_000);
    const below = membersBelow({ groups: deep, members }, 200);
    expect(deep.map(({ id }) => below.of(id)).filter((found) => found === null)).not.toEqual([]);
  });
});
