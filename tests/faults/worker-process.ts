import { memoryCluster } from '@hexabase/testkit/memory-cluster.ts';
import { workUntilKilled, type WorkerOrders } from './crash-worker.ts';
import { productRegistrations } from './registrations.ts';

const orders: WorkerOrders = JSON.parse(process.argv[2] ?? '');
const { driver } = await memoryCluster(orders.admin);
await workUntilKilled(orders, (database) => productRegistrations({ driver, database }));
