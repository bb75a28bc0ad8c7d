import { brandId, newId, type OrganizationId, type WorkspaceId } from '@hexabase/kernel/id.ts';
import type { Tx } from '@hexabase/postgres/database.ts';
import { givenOrganization, requestWorkspace } from '@hexabase/testkit/given.ts';
import { testDatabase, type TestDatabase } from '@hexabase/testkit/test-database.ts';
import fc from 'fast-check';
import { sql } from 'kysely';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { deleteAssignmentRow, insertAssignment } from '../assignments/store.ts';
import { deleteGroupMember, insertGroup, insertGroupMember, isBelow, moveGroup } from '../groups/store.ts';
import { membersOf } from '../groups/store.ts';
import { recallGroups } from './load-access.ts';
import { revokeUsers } from './public.ts';

let test: TestDatabase;
let organizationId: OrganizationId;
let workspaceId: WorkspaceId;
const people = Array.from({ length: 3 }, () => newId<'User'>());

beforeAll(async () => {
  test = await testDatabase();
  organizationId = await givenOrganization(test.database);
  workspaceId = await requestWorkspace(test.database, organizationId);
  await test.database.asIdentity(async (tx) => {
    for (const id of people) {
      await sql`insert into users (id, email, display_name) values (${id}, ${`${id}@example.test`}, 'P')`.execute(
        tx,
      );
      await sql`insert into memberships (organization_id, user_id, role) values (${organizationId}, ${id}, 'viewer')`.execute(
        tx,
      );
    }
  });
});
afterAll(() => test.close());

const groupCount = 6;
const indexOf = (max: number) => fc.nat({ max: max - 1 });
const step = fc.oneof(
  fc.record({
    do: fc.constant('move' as const),
    group: indexOf(groupCount),
    parent: fc.option(indexOf(groupCount)),
  }),
  fc.record({ do: fc.constant('join' as const), group: indexOf(groupCount), person: indexOf(3) }),
  fc.record({ do: fc.constant('leave' as const), group: indexOf(groupCount), person: indexOf(3) }),
  fc.record({ do: fc.constant('give' as const), group: indexOf(groupCount) }),
  fc.record({ do: fc.constant('take' as const), group: indexOf(groupCount) }),
  fc.record({ do: fc.constant('use' as const), person: indexOf(3) }),
);
type Step = typeof step extends fc.Arbitrary<infer S> ? S : never;

/** What groups mean, in so few lines that one can see that they are right. */
class Model {
  parents: (number | null)[] = Array.from({ length: groupCount }, () => null);
  members = new Set<string>();
  given = new Set<number>();

  above(group: number): number[] {
    const parent = this.parents[group] ?? null;
    return parent === null ? [group] : [group, ...this.above(parent)];
  }

  mayMove(group: number, parent: number | null): boolean {
    return parent === null || !this.above(parent).includes(group);
  }

  rights(person: number): number[] {
    const own = this.parents
      .map((_, group) => group)
      .filter((group) => this.members.has(`${group} ${person}`));
    return [...new Set(own.flatMap((group) => this.above(group)))]
      .filter((group) => this.given.has(group))
      .sort();
  }
}

/** The same through the product's own SQL. */
class Real {
  ids: string[] = Array.from({ length: groupCount }, () => newId());
  assigned = new Map<number, string>();

  async make(tx: Tx): Promise<void> {
    for (const id of this.ids) {
      const common = {
        organizationId,
        workspaceId: null,
        parentId: null,
        createdBy: '',
        createdAt: new Date(),
      };
      await insertGroup(tx, { ...common, id, name: id });
    }
  }

  async apply(tx: Tx, one: Exclude<Step, { do: 'use' }>): Promise<void> {
    const id = this.ids[one.group] ?? '';
    const user = 'person' in one ? (people[one.person] ?? '') : '';
    const touched = user === '' ? await membersOf(tx, [id]) : [user];
    if (one.do === 'move')
      await moveGroup(tx, id, one.parent === null ? null : (this.ids[one.parent] ?? null));
    if (one.do === 'join') await insertGroupMember(tx, { groupId: id, userId: user, organizationId });
    if (one.do === 'leave') await deleteGroupMember(tx, id, user);
    if (one.do === 'give' && !this.assigned.has(one.group)) {
      const assignment = newId();
      const common = { organizationId, workspaceId, projectId: null, roleId: null, userId: null };
      await insertAssignment(tx, {
        ...common,
        id: assignment,
        preset: 'admin',
        groupId: id,
        createdBy: '',
        createdAt: new Date(),
      });
      this.assigned.set(one.group, assignment);
    }
    if (one.do === 'take') {
      await deleteAssignmentRow(tx, this.assigned.get(one.group) ?? '');
      this.assigned.delete(one.group);
    }
    await revokeUsers(tx, organizationId, touched);
  }

  async rights(person: number): Promise<number[]> {
    const userId = people[person] ?? '';
    const scope = { userId: brandId<'User'>(userId), organizationIds: [organizationId] };
    const found = await test.database.asTenant(scope, (tx) =>
      recallGroups({ tx, database: test.database }, { userId, organizationId, workspaceId }),
    );
    const held = found?.groups ?? [];
    return this.ids.flatMap((id, index) => (held.includes(`hexabase:group:${id}`) ? [index] : [])).sort();
  }
}

describe('effective access', () => {
  it('is what a naive reading of the groups says, after any moves, joins and gifts, also when it was remembered', async () => {
    await fc.assert(
      fc.asyncProperty(fc.array(step, { minLength: 5, maxLength: 25 }), async (steps) => {
        const [model, real] = [new Model(), new Real()];
        const scope = { userId: people[0] ?? null, organizationIds: [organizationId] };
        const change = (run: (tx: Tx) => Promise<void>) => test.database.asTenant(scope, run);
        await change((tx) => real.make(tx));
        for (const one of steps) {
          if (one.do === 'use') {
            expect(await real.rights(one.person)).toEqual(model.rights(one.person));
            continue;
          }
          if (one.do === 'move' && !model.mayMove(one.group, one.parent)) {
            const [id, parent] = [real.ids[one.group] ?? '', real.ids[one.parent ?? 0] ?? ''];
            expect(await test.database.asTenant(scope, (tx) => isBelow(tx, parent, id))).toBe(true);
            await expect(change((tx) => real.apply(tx, one))).rejects.toThrow('below itself');
            continue;
          }
          if (one.do === 'move') model.parents[one.group] = one.parent;
          if (one.do === 'join') model.members.add(`${one.group} ${one.person}`);
          if (one.do === 'leave') model.members.delete(`${one.group} ${one.person}`);
          if (one.do === 'give') model.given.add(one.group);
          if (one.do === 'take') model.given.delete(one.group);
          await change((tx) => real.apply(tx, one));
        }
        for (const person of [0, 1, 2]) expect(await real.rights(person)).toEqual(model.rights(person));
      }),
      { numRuns: 25 },
    );
  }, 120_000);
});
