import { sql } from 'kysely';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { fixedClock } from '@hexabase/kernel/clock.ts';
import { newId, type OrganizationId, type WorkspaceId } from '@hexabase/kernel/id.ts';
import { givenOrganization, requestWorkspace } from '@hexabase/testkit/given.ts';
import type { Tx } from '@hexabase/postgres/database.ts';
import { testDatabase, type TestDatabase } from '@hexabase/testkit/test-database.ts';
import { openChangeFeed } from '../../run/change-feed.ts';
import { asSeen } from './seen.ts';
import { getWorkspaceRow } from '../store.ts';

const minuteMs = 60_000;
const nowMs = Date.parse('2026-11-22T10:00:00Z');
const conditions = [
  ['Accepted', 'True'],
  ['ControlPlaneReady', 'True'],
  ['AccessReady', 'True'],
  ['ImagesPulled', 'False'],
  ['Ready', 'False'],
].map(([type, status]) => ({ type, status, reason: 'X', message: 'as it was', lastTransitionTime: '' }));

let test1: TestDatabase;
let organization: OrganizationId;
let id: WorkspaceId;

beforeAll(async () => {
  test1 = await testDatabase();
  organization = await givenOrganization(test1.database);
  id = await requestWorkspace(test1.database, organization);
  await test1.database.asWorker((tx) =>
    sql`update workspaces set conditions = ${JSON.stringify(conditions)}::jsonb where id = ${id}`.execute(tx),
  );
});
afterAll(() => test1.close());

/** As a member of the organization sees it, who may not see host clusters. */
async function statuses(host: { checkedAgoMs: number | null; failingAgoMs: number | null } | null) {
  const ago = (ms: number | null | undefined) => (typeof ms === 'number' ? new Date(nowMs - ms) : null);
  await test1.database.asWorker(async (tx) => {
    await sql`update workspaces set host_cluster_id = null where id = ${id}`.execute(tx);
    await sql`delete from host_clusters`.execute(tx);
    if (!host) return;
    const hostId = newId<'HostCluster'>();
    await sql`insert into host_clusters (id, name, region, checked_at, failing_since, created_at)
      values (${hostId}, 'east', 'local', ${ago(host.checkedAgoMs)}, ${ago(host.failingAgoMs)}, ${ago(60 * minuteMs)})`.execute(
      tx,
    );
    await sql`update workspaces set host_cluster_id = ${hostId} where id = ${id}`.execute(tx);
  });
  const [row] = await test1.database.asTenant({ userId: null, organizationIds: [organization] }, async (tx) =>
    asSeen(tx, [await getWorkspaceRow(tx, id)], nowMs),
  );
  return row?.conditions.map(({ type, status, message }) => `${type} ${status} ${message}`);
}

const asWritten = conditions.map(({ type, status, message }) => `${type} ${status} ${message}`);
const sinceWhen = (time: string) => [
  'Accepted True as it was',
  `ControlPlaneReady Unknown Nobody could look at its host cluster since ${time}`,
  'AccessReady Unknown ',
  'ImagesPulled Unknown ',
  `Ready Unknown Nobody could look at its host cluster since ${time}`,
];

test('what was seen a moment ago is shown as it was, and what is on no host cluster always', async () => {
  expect(await statuses(null)).toEqual(asWritten);
  expect(await statuses({ checkedAgoMs: minuteMs, failingAgoMs: null })).toEqual(asWritten);
  expect(await statuses({ checkedAgoMs: 4 * minuteMs, failingAgoMs: null })).toEqual(asWritten);
});

test('a workspace on a host that did not answer the last look is Unknown at once, neither True nor False', async () => {
  expect(await statuses({ checkedAgoMs: 1000, failingAgoMs: 1000 })).toEqual(
    sinceWhen('2026-11-22T09:59:59.000Z'),
  );
  expect(await statuses({ checkedAgoMs: 10_000, failingAgoMs: 6 * minuteMs })).toEqual(
    sinceWhen('2026-11-22T09:54:00.000Z'),
  );
});

test('nor is the last answer believed when the worker itself was away', async () => {
  expect(await statuses({ checkedAgoMs: 7 * minuteMs, failingAgoMs: null })).toEqual(
    sinceWhen('2026-11-22T09:53:00.000Z'),
  );
  expect(await statuses({ checkedAgoMs: null, failingAgoMs: null })).toEqual(
    sinceWhen('2026-11-22T09:00:00.000Z'),
  );
});

test('whether its roles are mirrored there is Unknown as well', async () => {
  const mirrored = {
    type: 'AccessMirrored',
    status: 'True',
    reason: 'InPlace',
    message: '',
    lastTransitionTime: '',
  };
  const { database } = test1;
  await database.asWorker((tx) =>
    sql`update workspaces set access_conditions = ${JSON.stringify([mirrored])}::jsonb where id = ${id}`.execute(
      tx,
    ),
  );
  const scope = { userId: null, organizationIds: [organization] };
  const told = async () => {
    const read = async (tx: Tx) => asSeen(tx, [await getWorkspaceRow(tx, id)], nowMs);
    return (await database.asTenant(scope, read))[0]?.access_conditions.map(({ status }) => status);
  };
  await statuses({ checkedAgoMs: minuteMs, failingAgoMs: null });
  expect(await told()).toEqual(['True']);
  await statuses({ checkedAgoMs: minuteMs, failingAgoMs: minuteMs });
  expect(await told()).toEqual(['Unknown']);
});

test('who follows changes is told the same as who asks', async () => {
  await statuses({ checkedAgoMs: 6 * minuteMs, failingAgoMs: null });
  const kubernetes = { urlOf: () => 'https://localhost', certificateAuthority: () => null };
  const { database } = test1;
  await using feed = await openChangeFeed({ database, clock: fixedClock(nowMs), kubernetes });
  const told = await feed.read({ noun: 'workspace', organizationId: organization, id });
  expect(told).toMatchObject({
    conditions: [
      { type: 'Accepted', status: 'True' },
      { type: 'ControlPlaneReady', status: 'Unknown', reason: 'NotLookedAt' },
      { type: 'AccessReady', status: 'Unknown' },
      { type: 'ImagesPulled', status: 'Unknown' },
      { type: 'Ready', status: 'Unknown' },
    ],
  });
});
