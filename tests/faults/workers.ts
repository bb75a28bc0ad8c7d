import { spawn, type ChildProcessByStdio } from 'node:child_process';
import type { Readable, Writable } from 'node:stream';
import { fileURLToPath } from 'node:url';
import { sql } from 'kysely';
import { systemClock } from '@hexabase/kernel/clock.ts';
import { silentLogger } from '@hexabase/kernel/log.ts';
import { startEngine } from '@hexabase/reconcile/engine.ts';
import type { BoundaryHook } from '@hexabase/reconcile/hooks.ts';
import type { Registration } from '@hexabase/reconcile/registration.ts';
import { until } from '@hexabase/testkit/given.ts';
import type { TestDatabase } from '@hexabase/testkit/test-database.ts';
import type { CrashPoint } from './crash-points.ts';
import type { Twist } from './registrations.ts';

/** A database and what workers do on it. */
export interface WorkPlace {
  test: TestDatabase;
  registrations(twist?: Twist): Registration[];
  /** A program that calls `workUntilKilled`. */
  workerProgram: URL;
  /** What it is told beside its `WorkerOrders`. */
  orders: object;
}

/** Runs a worker in this process until nothing is left to do. */
export async function workUntilSettled(
  place: WorkPlace,
  more: { boundary?: BoundaryHook; twist?: Twist } = {},
): Promise<void> {
  const registrations = place.registrations(more.twist);
  await using _engine = await startEngine({
    database: place.test.database,
    registrations,
    clock: systemClock,
    log: silentLogger,
    random: () => 0.001,
    ...(more.boundary ? { boundary: more.boundary } : {}),
  });
  const kinds = registrations.map(({ kind }) => kind);
  const lateMs = performance.now() + settleMsMax;
  await until(async () => {
    if (await isSettled(place, kinds)) return true;
    if (performance.now() > lateMs)
      throw new Error(`the workers came to no rest: ${JSON.stringify(await queueOf(place))}`);
    return false;
  });
}

/** Shorter than a test's own time: workers that a test leaves behind would take the work of the next one. */
const settleMsMax = 60_000;

/** Nothing held, nothing failed, nothing due before the slow resync. */
async function isSettled({ test }: WorkPlace, kinds: readonly string[]): Promise<boolean> {
  const { rows } = await test.database.asWorker((tx) =>
    sql`select 1 from reconcile_queue where kind = any(${kinds})
      and (lease_owner is not null or attempts > 0 or due_at < now() + interval '1 minute') limit 1`.execute(
      tx,
    ),
  );
  return rows.length === 0;
}

/** What waits and why, for the message of a test that waited in vain. */
async function queueOf({ test }: WorkPlace): Promise<unknown> {
  const { rows } = await test.database.asWorker((tx) =>
    sql`select kind, key, (due_at - now())::text as due_in, lease_owner, attempts, last_error from reconcile_queue
      order by due_at limit 20`.execute(tx),
  );
  return rows;
}

/** Generous: on a machine that is busy otherwise a start alone takes seconds. */
const workerMsMax = 90_000;

/** A worker process that dies at the given place, if any. */
export function startWorker(place: WorkPlace, crash: CrashPoint | null): WorkerProcess {
  const orders = { ...place.orders, admin: place.test.admin, crash };
  return spawn(process.execPath, [fileURLToPath(place.workerProgram), JSON.stringify(orders)], {
    stdio: ['pipe', 'ignore', 'pipe'],
  });
}

export type WorkerProcess = ChildProcessByStdio<Writable, null, Readable>;

/** Runs a worker process that dies at the given place. Throws when it ends in another way. */
export async function crashWorker(place: WorkPlace, crash: CrashPoint): Promise<void> {
  const child = startWorker(place, crash);
  let complaint = '';
  child.stderr.on('data', (chunk: Buffer) => (complaint += chunk.toString()));
  const late = setTimeout(() => child.kill('SIGTERM'), workerMsMax);
  const signal = await new Promise<NodeJS.Signals | null>((resolve) =>
    child.once('close', (_code, by) => resolve(by)),
  );
  clearTimeout(late);
  if (signal !== 'SIGKILL')
    throw new Error(
      `the worker did not reach ${JSON.stringify(crash)}: ${complaint} ${JSON.stringify(await queueOf(place))}`,
    );
}

/** The leases of a dead worker end after half a minute; here that time passes at once. */
export async function letLeasesEnd({ test }: WorkPlace): Promise<void> {
  await test.database.asWorker((tx) =>
    sql`update reconcile_queue set lease_expires_at = now() where lease_owner is not null`.execute(tx),
  );
}
