import { randomUUID } from 'node:crypto';
import { systemClock } from '@hexabase/kernel/clock.ts';
import { silentLogger } from '@hexabase/kernel/log.ts';
import { createPostgresPersistence } from '@hexabase/kubernetes/store/persistence-postgres.ts';
import type { ClusterStore } from '@hexabase/kubernetes/store/store.ts';
import { createStores } from '@hexabase/kubernetes/store/stores.ts';
import { benchDatabase } from './bench-database.ts';
import { deployment } from './deployment.ts';
import { measure, rounded, type Load } from './figures.ts';

/**
 * The store alone, without HTTP, validation and admission, on a durable PostgreSQL.
 * `node tests/load/kubernetes/bench-store.ts [loops] [milliseconds a step]`
 */
const loops = Number(process.argv[2] ?? 32);
const ms = Number(process.argv[3] ?? 3000);
const deployments = 'apps/deployments';

await using database = await benchDatabase();
await using stores = createStores({
  persistence: createPostgresPersistence(database.pool),
  clock: systemClock,
  log: silentLogger,
  base: [],
});
await stores.create('bench', {});
const opened = await stores.open('bench');
if (opened === undefined) throw new Error('The cluster could not be opened.');
const { store } = opened;

const rows: Record<string, Load> = {};
rows[`create, ${loops} at once`] = await measure({ loops, ms }, (n) => write(store, `d-${n}`));
const made = store.list(deployments).texts.length;
rows[`update, ${loops} at once`] = await measure({ loops, ms }, (n) => write(store, `d-${n % made}`));
rows['create, 1 at a time'] = await measure({ loops: 1, ms: ms / 2 }, (n) => write(store, `s-${n}`));
rows['create, 256 at once'] = await measure({ loops: 256, ms }, (n) => write(store, `m-${n}`));
rows['get (in-process)'] = await measure({ loops: 1, ms: 500 }, async (n) =>
  store.getText(deployments, 'default', `d-${n % made}`),
);
rows['list of 500 (in-process)'] = await measure(
  { loops: 1, ms: 500 },
  async () => store.list(deployments, { namespace: 'default', limit: 500 }).texts,
);
console.table(Object.fromEntries(Object.entries(rows).map(([name, load]) => [name, rounded(load)])));

const before = performance.now();
await using again = createStores({
  persistence: createPostgresPersistence(database.pool),
  clock: systemClock,
  log: silentLogger,
  base: [],
});
const reopened = await again.open('bench');
console.log(
  JSON.stringify({
    rows,
    objects: reopened?.store.list(deployments).texts.length,
    reloadMs: Math.round(performance.now() - before),
  }),
);

async function write(target: ClusterStore, name: string): Promise<void> {
  const object = deployment(name);
  const metadata = {
    ...object.metadata,
    uid: randomUUID(),
    resourceVersion: '',
    creationTimestamp: '2026-01-01T00:00:00Z',
  };
  await target.write({ resource: deployments, namespace: 'default', name }, () => ({
    kind: 'put',
    object: { ...object, apiVersion: 'apps/v1', kind: 'Deployment', metadata },
  }));
}
