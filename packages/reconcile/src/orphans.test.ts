import { sql } from 'kysely';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { silentLogger } from '@hexabase/kernel/log.ts';
import { testDatabase, type TestDatabase } from '@hexabase/testkit/test-database.ts';
import { collectOrphans, type FoundThing } from './orphans.ts';

let test1: TestDatabase;
beforeEach(async () => {
  test1 = await testDatabase();
});
afterEach(() => test1.close());

const thing = (id: string): FoundThing => ({
  cluster: 'c',
  kind: 'light',
  key: id,
  subjectId: id,
  uid: `uid-${id}`,
});

function pass(
  outside: FoundThing[],
  living: string[],
  graceMs: number,
  remove?: (one: FoundThing) => Promise<void>,
) {
  return collectOrphans({
    database: test1.database,
    log: silentLogger,
    kind: 'lamp',
    find: async () => outside,
    living: async () => new Set(living),
    graceMs,
    ...(remove ? { remove } : {}),
  });
}

test('an ownerless thing is removed only after it was ownerless for the grace', async () => {
  const removed: string[] = [];
  const remove = async (one: FoundThing) => void removed.push(one.key);
  expect((await pass([thing('a'), thing('b')], ['b'], 60_000, remove)).marked).toEqual([thing('a')]);
  expect(removed).toEqual([]);
  expect((await pass([thing('a'), thing('b')], ['b'], 0, remove)).removed).toEqual([thing('a')]);
  expect(removed).toEqual(['a']);
});

test('many orphans at once are a sign of something else, and none is removed', async () => {
  const things = ['a', 'b', 'c', 'd', 'e', 'f'].map(thing);
  const removed: string[] = [];
  const report = await pass(things, [], 0, async (one) => void removed.push(one.key));
  expect(report.stopped).toBe(true);
  expect(removed).toEqual([]);
});

test('what holds data is only reported', async () => {
  expect((await pass([thing('a')], [], 0)).reported).toEqual([thing('a')]);
});

test('a record of a thing that is gone with its owner is dropped', async () => {
  await pass([thing('a')], [], 60_000);
  expect((await pass([], [], 60_000)).forgotten).toEqual([{ cluster: 'c', kind: 'light', key: 'a' }]);
  const left = await test1.database.asWorker((tx) => sql`select 1 from inventory`.execute(tx));
  expect(left.rows).toEqual([]);
});

test('a pass that could not see everything removes and forgets nothing', async () => {
  const removed: string[] = [];
  const rules = {
    database: test1.database,
    log: silentLogger,
    kind: 'lamp',
    living: async () => new Set<string>(),
    remove: async (one: FoundThing) => void removed.push(one.key),
    graceMs: 0,
    sawEverything: () => false,
  };
  await pass([thing('a'), thing('b')], [], 60_000);
  const report = await collectOrphans({ ...rules, find: async () => [thing('a')] });
  expect([removed, report.removed, report.forgotten]).toEqual([[], [], []]);
  expect(report.reported).toEqual([thing('a')]);
});
