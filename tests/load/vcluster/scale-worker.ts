import { workUntilKilled, type WorkerOrders } from '../../faults/crash-worker.ts';
import { driverOn, type HostOrders } from '../../faults/host/host-stand.ts';
import { productRegistrations } from '../../faults/registrations.ts';

/** One worker of the product, without the warm pool. */
const orders: WorkerOrders & HostOrders = JSON.parse(process.argv[2] ?? '');
const driver = driverOn(orders);
await workUntilKilled(orders, (database) =>
  productRegistrations({ driver, database }).filter(({ kind }) => !kind.startsWith('pool')),
);
