import { sql } from 'kysely';
import { expect, test } from 'vitest';
import type { TenantRequest } from '@hexabase/cluster/port.ts';
import { fixedClock } from '@hexabase/kernel/clock.ts';
import { newId } from '@hexabase/kernel/id.ts';
import { silentLogger } from '@hexabase/kernel/log.ts';
import { givenOrganization, requestWorkspace } from '@hexabase/testkit/given.ts';
import { testDatabase } from '@hexabase/testkit/test-database.ts';
import { runWorkspaceClock } from '../clock.ts';
import { hasJobAtWork } from '../ending/jobs.ts';
import { keepJobsAwake } from './unfinished-jobs.ts';

const minuteMs = 60_000;
const complete = { status: { conditions: [{ type: 'Complete', status: 'True' }] } };
const failed = { status: { conditions: [{ type: 'Failed', status: 'True' }] } };
const suspended = { spec: { suspend: true }, status: {} };
const running = { spec: { backoffLimit: 0 }, status: { active: 1, ready: 1 } };

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
  const deps = {
    database,
    clock,
    log: silentLogger,
    driver: { tenantClient: () => ({ request }) },
    silences: new Map(),
  };
  const pass = async () => {
    const resting = await keepJobsAwake(deps);
    return runWorkspaceClock({ ...deps, resting });
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

const hourMs = 60 * minuteMs;

async function idleWorkspaces(count: number) {
  const stack = new AsyncDisposableStack();
  const { database } = stack.use(await testDatabase());
  const organization = await givenOrganization(database);
  const ids = [];
  for (let one = 0; one < count; one++) ids.push(await requestWorkspace(database, organization));
  await database.asWorker((tx) =>
    sql`update workspaces set phase = 'active', observed_generation = generation, idle_minutes = 30`.execute(
      tx,
    ),
  );
  const clock = fixedClock(Date.now() + 31 * minuteMs);
  const asleep = async () => {
    const query = sql<{ id: string }>`select id from workspaces where asleep order by id`;
    const { rows } = await database.asWorker((tx) => query.execute(tx));
    return rows.map(({ id }) => id);
  };
  return { stack, database, clock, ids, asleep };
}

test('a job that stands still for hours without a running pod keeps nobody awake', async () => {
  const { stack, clock } = await idleWorkspaces(0);
  await using _ = stack;
  const now = clock.now();
  const at = (ageMs: number) => new Date(now - ageMs).toISOString();
  const job = (
    { made = 24 * hourMs, changed = 24 * hourMs, ...status }: Record<string, number> = {},
    uid = 'stuck',
  ) => ({
    metadata: { uid, creationTimestamp: at(made), managedFields: [{ time: at(changed) }] },
    status: { active: 1, ...status },
  });
  const pod = { metadata: { ownerReferences: [{ kind: 'Job', uid: 'stuck' }] } };
  const isAtWork = (jobs: object[], pods: object[] = []) => {
    const request = async ({ path }: { path: string }) => ({
      status: 200,
      body: { items: path.startsWith('/api/v1/pods?') ? pods : jobs },
    });
    return hasJobAtWork({ request }, { nowMs: now, signal: AbortSignal.timeout(10_000) });
  };
  expect(await isAtWork([job()])).toBe(false);
  expect(await isAtWork([job({ ready: 1 })])).toBe(true);
  expect(await isAtWork([job({ made: hourMs, changed: hourMs })])).toBe(true);
  expect(await isAtWork([job({ changed: hourMs })])).toBe(true);
  // A pod that runs and is not ready.
  expect(await isAtWork([job()], [pod])).toBe(true);
  expect(await isAtWork([job({}, 'another')], [pod])).toBe(false);
  const leaving = job({ ready: 1 });
  expect(await isAtWork([{ ...leaving, metadata: { ...leaving.metadata, deletionTimestamp: at(0) } }])).toBe(
    false,
  );
});

test('workspaces that do not answer keep no other from its sleep, and fall asleep themselves after an hour', async () => {
  const { stack, database, clock, ids, asleep } = await idleWorkspaces(14);
  await using _ = stack;
  const silent = new Set<string>(ids.slice(0, 12));
  const [one = '', other = ''] = ids.slice(12);
  const tenantClient = (id: string) => ({
    request: ({ signal }: TenantRequest) =>
      silent.has(id)
        ? new Promise<never>((_resolve, reject) =>
            signal?.addEventListener('abort', () => reject(new Error('it is silent'))),
          )
        : Promise.resolve({ status: 200, body: { items: [] } }),
  });
  const startMs = clock.now();
  // Five of them in each pass, while nobody knows who is silent.
  const limits = { atOnce: 5, askMs: 50, passMs: 40 };
  const deps = { database, clock, log: silentLogger, driver: { tenantClient }, silences: new Map(), limits };
  const pass = async () => {
    const resting = await keepJobsAwake(deps);
    await runWorkspaceClock({ ...deps, resting });
  };
  const until = async (wanted: string[]) => {
    for (let count = 0; count < 100 && (await asleep()).length < wanted.length; count++) await pass();
    expect(await asleep()).toEqual(wanted.toSorted());
  };
  await until([one, other]);
  // Those that are asked for the first time long after they were due have an hour from then.
  while ((await asleep()).length < ids.length && clock.now() < startMs + 20 * hourMs) {
    await pass();
    clock.advance(10 * minuteMs);
  }
  expect(await asleep()).toEqual(ids.toSorted());
});

test('a workspace that becomes idle while others are asked is not taken for asked', async () => {
  const { stack, database, clock, ids, asleep } = await idleWorkspaces(2);
  await using _ = stack;
  const [early = '', late = ''] = ids;
  await database.asWorker((tx) =>
    sql`update workspaces set idle_minutes = 40 where id = ${late}`.execute(tx),
  );
  const asked: string[] = [];
  const tenantClient = (id: string) => ({
    async request() {
      asked.push(id);
      // As long as a silent one takes.
      clock.advance(15 * minuteMs);
      return { status: 200, body: { items: id === late ? [running] : [] } };
    },
  });
  const deps = { database, clock, log: silentLogger, driver: { tenantClient }, silences: new Map() };
  const pass = async () => runWorkspaceClock({ ...deps, resting: await keepJobsAwake(deps) });
  expect(await pass()).toBe(1);
  expect(asked).toEqual([early]);
  expect(await asleep()).toEqual([early]);
  expect(await pass()).toBe(0);
  expect(asked).toEqual([early, late]);
});

test('a workspace that is asked hours after it was due falls asleep an hour after it was asked first, and one that answers in between begins anew', async () => {
  const { stack, database, clock, asleep } = await idleWorkspaces(1);
  await using _ = stack;
  let answers = false;
  const tenantClient = () => ({
    request: async () => {
      if (!answers) throw new Error('it is silent');
      return { status: 200, body: { items: [running] } };
    },
  });
  const deps = { database, clock, log: silentLogger, driver: { tenantClient }, silences: new Map() };
  const pass = async () => runWorkspaceClock({ ...deps, resting: await keepJobsAwake(deps) });
  // As after an outage of ours.
  clock.advance(5 * hourMs);
  expect(await pass()).toBe(0);
  clock.advance(59 * minuteMs);
  expect(await pass()).toBe(0);
  answers = true;
  expect(await pass()).toBe(0);
  answers = false;
  clock.advance(31 * minuteMs);
  expect(await pass()).toBe(0);
  clock.advance(hourMs);
  expect(await pass()).toBe(1);
  expect(await asleep()).toHaveLength(1);
});

test('a workspace whose host cluster nobody reaches for hours stays awake, and falls asleep when it is reached and at rest', async () => {
  const { stack, database, clock, asleep } = await idleWorkspaces(1);
  await using _ = stack;
  const host = newId<'HostCluster'>();
  await database.asWorker(async (tx) => {
    await sql`insert into host_clusters (id, name, region) values (${host}, 'far', 'far')`.execute(tx);
    await sql`update workspaces set host_cluster_id = ${host}`.execute(tx);
  });
  const seen = (isFailing: boolean) =>
    database.asWorker((tx) =>
      sql`update host_clusters set checked_at = ${new Date(clock.now())},
        failing_since = ${isFailing ? new Date(clock.now()) : null} where id = ${host}`.execute(tx),
    );
  let items: object[] | null = null;
  const request = async () => {
    if (items === null) throw new Error('no route to host');
    return { status: 200, body: { items } };
  };
  const driver = { tenantClient: () => ({ request }) };
  const deps = { database, clock, log: silentLogger, driver, silences: new Map() };
  const pass = async () => runWorkspaceClock({ ...deps, resting: await keepJobsAwake(deps) });
  for (let hour = 0; hour < 4; hour++) {
    clock.advance(hourMs);
    await seen(true);
    expect(await pass()).toBe(0);
  }
  await seen(false);
  items = [running];
  expect(await pass()).toBe(0);
  items = [complete];
  clock.advance(31 * minuteMs);
  await seen(false);
  expect(await pass()).toBe(1);
  expect(await asleep()).toHaveLength(1);
});

test('workspaces on a host cluster that does not answer take no time from those on another', async () => {
  const { stack, database, clock, ids, asleep } = await idleWorkspaces(30);
  await using _ = stack;
  const [well = ''] = ids;
  await database.asWorker(async (tx) => {
    const host = newId<'HostCluster'>();
    await sql`insert into host_clusters (id, name, region, checked_at)
      values (${host}, 'far', 'far', ${new Date(clock.now())})`.execute(tx);
    await sql`update workspaces set host_cluster_id = ${host} where id = ${well}`.execute(tx);
  });
  const tenantClient = (id: string) => ({
    request: ({ signal }: TenantRequest) =>
      id === well
        ? Promise.resolve({ status: 200, body: { items: [] } })
        : new Promise<never>((_resolve, reject) =>
            signal?.addEventListener('abort', () => reject(new Error('it is silent'))),
          ),
  });
  const limits = { atOnce: 1, askMs: 20, passMs: 10 };
  const deps = { database, clock, log: silentLogger, driver: { tenantClient }, silences: new Map(), limits };
  await runWorkspaceClock({ ...deps, resting: await keepJobsAwake(deps) });
  expect(await asleep()).toEqual([well]);
});
