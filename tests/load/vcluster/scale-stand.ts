import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { setTimeout as sleep } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import type { OrganizationId } from '@hexabase/kernel/id.ts';
import { givenOrganization, requestWorkspace } from '@hexabase/testkit/given.ts';
import type { OwnHost } from '@hexabase/testkit/host-cluster.ts';
import { testDatabase, type TestDatabase } from '@hexabase/testkit/test-database.ts';
import { sql } from 'kysely';
import { startHostStand } from '../../faults/host/host-stand.ts';
import { ownTenantApis } from './own-tenant-apis.ts';
import { cpuMsOf, memoryOf, parentOf, pssMibOf } from '../product/process-memory.ts';

/** One worker process of the product, its database, and a host with simulated pods. */
export interface ScaleStand extends AsyncDisposable {
  /** Asks for that many workspaces and waits until they are active. Answers how long it took. */
  create(count: number): Promise<number>;
  /** Makes every key due now, and waits until the worker has looked at all. Answers how long it took. */
  resyncAll(): Promise<number>;
  /** Spreads the next looks evenly over the time of one resync, as they are after a while. */
  spreadResync(): Promise<void>;
  usage(): Promise<Usage>;
  /** Keys of the queue, and how many of them wait after a failure. */
  queue(): Promise<{ keys: number; failing: number }>;
}

/** Of the worker and the database together, but for the split. */
export interface Usage {
  workerMib: number;
  databaseMib: number;
  cpuMs: number;
  atMs: number;
}

const pollMs = 500;
const requestsAtOnce = 8;
const resyncMinutes = 10;
/** Looking at a thousand pods ten times a second would be all that this machine does. */
const lookMs = 1_000;

export async function startScaleStand(own: OwnHost): Promise<ScaleStand> {
  await using opening = new AsyncDisposableStack();
  const apis = opening.use(ownTenantApis());
  const stand = opening.use(await startHostStand(own, { apis, lookMs }));
  const test = opening.use(await testDatabase());
  const organization = await givenOrganization(test.database);
  const worker = startWorker({ ...stand.orders, admin: test.admin, crash: null });
  opening.defer(async () => {
    if (worker.exitCode !== null) return;
    const ended = once(worker, 'exit');
    worker.stdin.end();
    await ended;
  });
  const pids = { worker: worker.pid ?? 0, database: await postmasterOf(test) };
  const waitFor = async (left: () => Promise<number>): Promise<number> => {
    const begun = performance.now();
    while ((await left()) > 0) {
      if (worker.exitCode !== null) throw new Error('the worker has ended');
      await sleep(pollMs);
    }
    return performance.now() - begun;
  };
  const opened = opening.move();
  return {
    async create(count) {
      const begun = performance.now();
      await requestMany(test, organization, count);
      await waitFor(() => countOf(test, sql`from workspaces where phase <> 'active'`));
      await waitFor(() => countOf(test, busy));
      return performance.now() - begun;
    },
    async resyncAll() {
      const at = await test.database.asWorker(async (tx) => {
        await sql`update reconcile_queue set due_at = now()`.execute(tx);
        // As text: a Date has no microseconds, and would lie before what is due.
        const { rows } = await sql<{
          at: string;
        }>`select now()::text as at, pg_notify('hexabase_wake', '')`.execute(tx);
        return rows[0]?.at ?? null;
      });
      return waitFor(() =>
        countOf(
          test,
          sql`from reconcile_queue where due_at <= ${at}::timestamptz or lease_owner is not null`,
        ),
      );
    },
    async spreadResync() {
      await test.database.asWorker((tx) =>
        sql`update reconcile_queue set due_at = now() + random() * make_interval(mins => ${resyncMinutes})`.execute(
          tx,
        ),
      );
    },
    async usage() {
      const cpu = [pids.worker, pids.database].map((pid) => cpuMsOf(pid));
      return {
        workerMib: memoryOf(pids.worker).serverMib,
        databaseMib: pssMibOf(pids.database),
        cpuMs: cpu.reduce((sum, { serverMs, databaseMs }) => sum + serverMs + databaseMs, 0),
        atMs: performance.now(),
      };
    },
    async queue() {
      return {
        keys: await countOf(test, sql`from reconcile_queue`),
        failing: await countOf(
          test,
          sql`from reconcile_queue where attempts > 0 or stalled_since is not null`,
        ),
      };
    },
    [Symbol.asyncDispose]: () => opened.disposeAsync(),
  };
}

const busy = sql`from reconcile_queue where due_at <= now() or lease_owner is not null`;

/** With the same limits of memory as the product's server has. */
function startWorker(orders: object) {
  const program = fileURLToPath(new URL('./scale-worker.ts', import.meta.url));
  return spawn(process.execPath, ['--max-semi-space-size=16', program, JSON.stringify(orders)], {
    stdio: ['pipe', 'ignore', 'inherit'],
  });
}

async function requestMany(test: TestDatabase, organization: OrganizationId, count: number): Promise<void> {
  let asked = 0;
  const loop = async (): Promise<void> => {
    while (asked++ < count) await requestWorkspace(test.database, organization);
  };
  await Promise.all(Array.from({ length: requestsAtOnce }, loop));
}

async function countOf({ database }: TestDatabase, from: ReturnType<typeof sql>): Promise<number> {
  const { rows } = await database.asWorker((tx) =>
    sql<{ many: number }>`select count(*)::float8 as many ${from}`.execute(tx),
  );
  return rows[0]?.many ?? 0;
}

/** It is the parent of each process that serves a connection. */
async function postmasterOf({ database }: TestDatabase): Promise<number> {
  const { rows } = await database.asWorker((tx) =>
    sql<{ pid: number }>`select pg_backend_pid() as pid`.execute(tx),
  );
  return parentOf(rows[0]?.pid ?? 0);
}
