import { systemClock } from '@hexabase/kernel/clock.ts';
import { silentLogger } from '@hexabase/kernel/log.ts';
import type { Endpoint } from '@hexabase/postgres/connection.ts';
import { connectDatabase } from '@hexabase/postgres/open-database.ts';
import { startEngine } from '@hexabase/reconcile/engine.ts';
import { memoryCluster } from '@hexabase/testkit/memory-cluster.ts';
import { testMasterKey } from '@hexabase/testkit/test-server.ts';
import type { CrashPoint } from './crash-points.ts';
import { productRegistrations } from './registrations.ts';

/** What this process is told: where the database is, and where in its work to die. */
export interface WorkerOrders {
  admin: Endpoint;
  crash: CrashPoint;
}

const orders: WorkerOrders = JSON.parse(process.argv[2] ?? '');
const database = connectDatabase({
  admin: orders.admin,
  masterKey: testMasterKey,
  log: silentLogger,
  embedded: null,
});
const { driver } = await memoryCluster(orders.admin);
await startEngine({
  database,
  registrations: productRegistrations(driver),
  clock: systemClock,
  log: silentLogger,
  boundary: async (boundary, place) => {
    const { crash } = orders;
    if (
      boundary !== crash.boundary ||
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
