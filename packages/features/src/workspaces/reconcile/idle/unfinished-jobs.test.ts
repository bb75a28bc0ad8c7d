import { sql } from 'kysely';
import { expect, test } from 'vitest';
import { fixedClock } from '@hexabase/kernel/clock.ts';
import { silentLogger } from '@hexabase/kernel/log.ts';
import { givenOrganization, requestWorkspace } from '@hexabase/testkit/given.ts';
import { testDatabase } from '@hexabase/testkit/test-database.ts';
import { runWorkspaceClock } from '../clock.ts';
import { keepJobsAwake } from './unfinished-jobs.ts';

const minuteMs = 60_000;
const complete = { status: { conditions: [{ type: 'Complete', status: 'True' }] } };
const failed = { status: { conditions: [{ type: 'Failed', status: 'True' }] } };
const suspended = { spec: { suspend: true }, status: {} };
const running = { spec: { backoffLimit: 0 }, status: { active: 1 } };

test('a workspace in which a job has not ended does not fall asleep for idleness, and does when it has', async () => {
  await using stack = new AsyncDisposableStack();
  const { database } = stack.use(await testDatabase());
  const clock = fixedClock(Date.now());
  const id = await requestWorkspace(database, await givenOrganization(database));
  await database.asWorker((tx) =>
    sql`update workspaces set phase = 'active', observed_generation = generation, idle_minutes = 30`.execute(
      tx,
    ),
  );
  const asked: string[] = [];
  let pages: object[][] = [[complete], [suspended, running]];
  const request = async ({ path }: { path: string }) => {
    asked.push(path);
    const page = /continue=(\d+)/.exec(path)?.[1] ?? '0';
    const next = Number(page) + 1;
    const body = { metadata: { continue: next < pages.length ? `${next}` : '' }, items: pages[Number(page)] };
    return { status: 200, body };
  };
  const deps = { database, clock, log: silentLogger, driver: { tenantClient: () => ({ request }) } };
  const pass = async () => {
    await keepJobsAwake(deps);
    return runWorkspaceClock(deps);
  };
  clock.advance(20 * minuteMs);
  expect(await pass()).toBe(0);
  expect(asked).toEqual([]);
  clock.advance(11 * minuteMs);
  expect(await pass()).toBe(0);
  expect(asked).toHaveLength(2);
  clock.advance(20 * minuteMs);
  expect(await pass()).toBe(0);
  expect(asked).toHaveLength(2);
  pages = [[complete, failed, suspended]];
  clock.advance(11 * minuteMs);
  expect(await pass()).toBe(1);
  const { rows } = await database.asWorker((tx) =>
    sql`select asleep, sleep_reason from workspaces where id = ${id}`.execute(tx),
  );
  expect(rows).toEqual([{ asleep: true, sleep_reason: 'idle' }]);
});
