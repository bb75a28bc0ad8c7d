import { workUntilKilled, type WorkerOrders } from '../crash-worker.ts';
import { driverOn, type HostOrders } from './host-stand.ts';
import { clockOf, hostRegistrations } from './host-world.ts';

const orders: WorkerOrders & HostOrders = JSON.parse(process.argv[2] ?? '');
const driver = driverOn(orders);
await workUntilKilled(orders, (database) => hostRegistrations({ driver, database, clock: clockOf(orders) }));
