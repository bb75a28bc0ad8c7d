import { newId, type OrganizationId, type WorkspaceId } from '@hexabase/kernel/id.ts';
import type { Tx } from '@hexabase/postgres/database.ts';
import { givenOrganization, requestWorkspace } from '@hexabase/testkit/given.ts';
import { testDatabase, type TestDatabase } from '@hexabase/testkit/test-database.ts';
import { sql } from 'kysely';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { groupsOfPerson, isBelow, listGroupMemberRows, membersOf } from '../groups/store.ts';
import { loadBelow, loadGrants } from './store.ts';

/** A chain of groups, and one person in every one of them: there are half as many ways as its length squared. */
const depth = 400;
let test: TestDatabase;
let organizationId: OrganizationId;
let workspaceId: WorkspaceId;
const userId = newId<'User'>();
const ids = Array.from({ length: depth }, () => newId<'Group'>());

beforeAll(async () => {
  test = await testDatabase();
  organizationId = await givenOrganization(test.database);
  workspaceId = await requestWorkspace(test.database, organizationId);
  await test.database.asIdentity(async (tx) => {
    await sql`insert into users (id, email, display_name) values (${userId}, 'eve@example.test', 'Eve')`.execute(
      tx,
    );
    await sql`insert into memberships (organization_id, user_id, role) values (${organizationId}, ${userId}, 'viewer')`.execute(
      tx,
    );
  });
  await asEve(async (tx) => {
    for (const [index, id] of ids.entries()) {
      await sql`insert into groups (id, organization_id, parent_id, name)
        values (${id}, ${organizationId}, ${ids[index - 1] ?? null}, ${`g${index}`})`.execute(tx);
      await sql`insert into group_members (group_id, user_id, organization_id)
        values (${id}, ${userId}, ${organizationId})`.execute(tx);
    }
    await sql`insert into role_assignments (id, organization_id, workspace_id, preset, group_id)
      values (${newId()}, ${organizationId}, ${workspaceId}, 'viewer', ${ids[0]})`.execute(tx);
  });
});
afterAll(() => test.close());

const asEve = <T>(run: (tx: Tx) => Promise<T>) =>
  test.database.asTenant({ userId, organizationIds: [organizationId] }, run);

/** Rows of groups and memberships that PostgreSQL has looked at in this transaction. */
async function rowsLookedAt(tx: Tx): Promise<number> {
  const { rows } = await sql<{ count: string }>`
    select coalesce(sum(seq_tup_read), 0) + coalesce(sum(idx_tup_fetch), 0) as count from pg_stat_xact_user_tables
    where schemaname = 'hexabase' and relname in ('groups', 'group_members')`.execute(tx);
  return Number(rows[0]?.count);
}

describe('somebody in every group of a chain', () => {
  const query = { page: 1, limit: 10, sort: undefined } as const;
  it.each([
    ['their rights', (tx: Tx) => loadGrants(tx, { userId, organizationId, workspaceId })],
    ['who is below', (tx: Tx) => loadBelow(tx, ids.slice(0, 1))],
    ['who loses by a change', (tx: Tx) => membersOf(tx, ids.slice(0, 1))],
    ['a list of members', (tx: Tx) => listGroupMemberRows(tx, ids[0] ?? '', query)],
    ['whether one group is below another', (tx: Tx) => isBelow(tx, ids[0] ?? '', ids.at(-1) ?? '')],
    ['the groups of a client', (tx: Tx) => groupsOfPerson(tx, { userId, secondFactor: true })],
  ])('C17 costs a few rows for each group, however many ways there are: %s', async (_, read) => {
    await asEve(async (tx) => {
      await sql`set local enable_seqscan = off`.execute(tx);
      const before = await rowsLookedAt(tx);
      await read(tx);
      expect((await rowsLookedAt(tx)) - before).toBeLessThan(10 * depth);
    });
  });

  it('has the right of the highest once, by the group itself', async () => {
    const grants = await asEve((tx) => loadGrants(tx, { userId, organizationId, workspaceId }));
    expect(grants.map(({ through }) => through)).toEqual([[{ kind: 'group', id: ids[0], name: 'g0' }]]);
  });
});
