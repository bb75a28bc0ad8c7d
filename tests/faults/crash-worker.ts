import { systemClock } from '@hexabase/kernel/clock.ts';
import { silentLogger } from '@hexabase/kernel/log.ts';
import type { Endpoint } from '@hexabase/postgres/connection.ts';
import type { Database } from '@hexabase/postgres/database.ts';
import { connectDatabase } from '@hexabase/postgres/open-database.ts';
import { startEngine } from '@hexabase/reconcile/engine.ts';
import type { Registration } from '@hexabase/reconcile/registration.ts';
import { testMasterKey } from '@hexabase/testkit/test-server.ts';
import type { CrashPoint } from './crash-points.ts';

/** What a worker process is told: where the database is, and where in its work to die. */
export interface WorkerOrders {
  admin: Endpoint;
  /** Null for one that works on. */
  crash: CrashPoint | null;
}

/** Works as a worker of the product until it dies by SIGKILL at the given place, or with its parent. */
export async function workUntilKilled(
  { admin, crash }: WorkerOrders,
  registrationsOn: (database: Database) => readonly Registration[],
): Promise<void> {
  const database = connectDatabase({
    admin,
    masterKey: testMasterKey,
    log: silentLogger,
    embedded: null,
  });
  await startEngine({
    database,
    registrations: registrationsOn(database),
    clock: systemClock,
    log: silentLogger,
    boundary: async (boundary, place) => {
      if (
        boundary !== crash?.boundary ||
        place.kind !== crash.kind ||
        place.workflow !== crash.workflow ||
        place.step !== crash.step
      )
        return;
      process.kill(process.pid, 'SIGKILL');
      await new Promise(() => undefined);
    },
  });
  // The parent going away must not leave this process behind.
  process.stdin.resume().once('close', () => process.exit(1));
}
