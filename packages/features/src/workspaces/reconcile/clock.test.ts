import { sql } from 'kysely';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { fixedClock } from '@hexabase/kernel/clock.ts';
import type { WorkspaceId } from '@hexabase/kernel/id.ts';
import { silentLogger } from '@hexabase/kernel/log.ts';
import { givenOrganization, requestWorkspace } from '@hexabase/testkit/given.ts';
import { testDatabase, type TestDatabase } from '@hexabase/testkit/test-database.ts';
import { wakeWorkspace } from '../public.ts';
import { noteUse } from '../store.ts';
import { runWorkspaceClock } from './clock.ts';

const minuteMs = 60_000;
const userId = 'ada';
let test1: TestDatabase;
let clock: ReturnType<typeof fixedClock>;
let id: WorkspaceId;

beforeEach(async () => {
  test1 = await testDatabase();
  clock = fixedClock(Date.now());
  id = await requestWorkspace(test1.database, await givenOrganization(test1.database));
  await change(sql`phase = 'active', observed_generation = generation`);
});
afterEach(() => test1.close());

async function change(columns: ReturnType<typeof sql>): Promise<void> {
  await test1.database.asWorker((tx) => sql`update workspaces set ${columns} where id = ${id}`.execute(tx));
}

const wakeUp = () =>
  wakeWorkspace(test1.database, id, {
    nowMs: clock.now(),
    userId,
    words: 'ada@example.com: watch configmaps',
  });

interface Row {
  asleep: boolean;
  phase: string;
  sleep_reason: string | null;
  generation: number;
  schedule_due_at: Date | null;
  kind: string;
  created_by: string | null;
  message: string | null;
}

async function row(): Promise<Row | undefined> {
  return test1.database.asWorker(
    async (tx) =>
      (
        await sql<Row>`select w.*, o.kind, o.created_by, e.message from workspaces w join operations o on o.id = w.operation_id
          left join operation_events e on e.operation_id = o.id
          where w.id = ${id}`.execute(tx)
      ).rows[0],
  );
}

const pass = () => runWorkspaceClock({ database: test1.database, clock, log: silentLogger });

test('an idle workspace falls asleep after its minutes, and not while it is used', async () => {
  await change(sql`idle_minutes = 30`);
  clock.advance(20 * minuteMs);
  expect(await pass()).toBe(0);
  await test1.database.asWorker((tx) => noteUse(tx, [id], clock.now()));
  clock.advance(20 * minuteMs);
  expect(await pass()).toBe(0);
  clock.advance(11 * minuteMs);
  expect(await pass()).toBe(1);
  expect(await row()).toMatchObject({ asleep: true, sleep_reason: 'idle', kind: 'workspace.sleep' });
  expect(await pass()).toBe(0);
});

test('who uses a sleeping workspace wakes it, once, and it does not fall asleep again at once', async () => {
  await change(sql`idle_minutes = 30, asleep = true, phase = 'asleep'`);
  clock.advance(600 * minuteMs);
  expect(await wakeUp()).toBe('waking');
  expect(await wakeUp()).toBe('waking');
  expect(await row()).toMatchObject({
    asleep: false,
    generation: 2,
    kind: 'workspace.wake',
    created_by: userId,
    message: 'Woken by ada@example.com: watch configmaps',
  });
  await change(sql`phase = 'active'`);
  expect(await wakeUp()).toBe('awake');
  expect(await pass()).toBe(0);
});

test('a workspace that is being deleted is not woken', async () => {
  await change(
    sql`asleep = true, phase = 'deleting', deletion_requested_at = now(), deletion_due_at = now()`,
  );
  expect(await wakeUp()).toBe('unavailable');
});

test('a schedule puts to sleep and wakes, and knows its next turn', async () => {
  await change(sql`sleep_at = '0 20 * * *', wake_at = '0 7 * * *',
    schedule_due_at = ${new Date('2026-03-23T20:00:00Z')}`);
  clock = fixedClock(Date.parse('2026-03-23T20:00:30Z'));
  expect(await pass()).toBe(1);
  expect(await row()).toMatchObject({
    asleep: true,
    sleep_reason: 'schedule',
    schedule_due_at: new Date('2026-03-24T07:00:00Z'),
  });
  clock = fixedClock(Date.parse('2026-03-24T07:00:30Z'));
  expect(await pass()).toBe(1);
  expect(await row()).toMatchObject({ asleep: false, schedule_due_at: new Date('2026-03-24T20:00:00Z') });
});

test('a workspace that is put to sleep again while it wakes is never said to answer: requests wait', async () => {
  await change(sql`sleep_at = '0 20 * * *', schedule_due_at = ${new Date('2026-03-23T20:00:00Z')},
    phase = 'asleep'`);
  clock = fixedClock(Date.parse('2026-03-23T20:00:30Z'));
  expect(await pass()).toBe(1);
  expect(await row()).toMatchObject({ asleep: true, phase: 'asleep' });
});

test('a schedule in a zone that this server does not know holds up nobody else, and is looked at again', async () => {
  await change(
    sql`sleep_at = '0 20 * * *', time_zone = 'Moon/Crater', schedule_due_at = ${new Date(clock.now())}`,
  );
  const other = await requestWorkspace(test1.database, await givenOrganization(test1.database));
  await test1.database.asWorker((tx) =>
    sql`update workspaces set phase = 'active', observed_generation = 1, asleep = true, deletion_requested_at = now(),
      deletion_due_at = ${new Date(clock.now())} where id = ${other}`.execute(tx),
  );
  clock.advance(minuteMs);
  expect(await pass()).toBe(1);
  expect(await row()).toMatchObject({
    asleep: false,
    schedule_due_at: new Date(clock.now() + 60 * minuteMs),
  });
  await change(sql`time_zone = 'UTC'`);
  clock.advance(24 * 60 * minuteMs);
  expect(await pass()).toBe(1);
  expect(await row()).toMatchObject({ asleep: true, sleep_reason: 'schedule' });
});

test('a deletion begins when it can no longer be taken back', async () => {
  await change(sql`asleep = true, phase = 'deleting', deletion_requested_at = now(),
    deletion_due_at = ${new Date(clock.now() + 10 * minuteMs)}`);
  expect(await pass()).toBe(0);
  clock.advance(11 * minuteMs);
  expect(await pass()).toBe(1);
  expect(await row()).toMatchObject({ kind: 'workspace.delete', deletion_due_at: null });
});
