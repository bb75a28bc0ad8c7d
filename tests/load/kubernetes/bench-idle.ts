import { randomUUID } from 'node:crypto';
import { setTimeout as sleep } from 'node:timers/promises';
import { setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';
import { systemClock } from '@hexabase/kernel/clock.ts';
import { silentLogger } from '@hexabase/kernel/log.ts';
import { createPostgresPersistence } from '@hexabase/kubernetes/store/persistence-postgres.ts';
import { createStores } from '@hexabase/kubernetes/store/stores.ts';
import { benchDatabase } from './bench-database.ts';
import { deployment } from './deployment.ts';

/**
 * Memory of idle clusters in the store, first loaded, then unloaded. Each has 15 Deployments of its own.
 * `node tests/load/kubernetes/bench-idle.ts [clusters]`
 */
const count = Number(process.argv[2] ?? 1000);
const objects = 15;
setFlagsFromString('--expose-gc');
const collect: () => void = runInNewContext('gc');

await using database = await benchDatabase();
await using stores = createStores({
  persistence: createPostgresPersistence(database.pool),
  clock: systemClock,
  log: silentLogger,
  base: [],
  idleUnloadMs: 1000,
  sweepIntervalMs: 500,
});
await fill('warm-up');
const before = await memory();
const started = performance.now();
const ids = Array.from({ length: count }, (_, at) => `cluster-${at}`);
const opened = [];
for (const id of ids) opened.push(await fill(id));
const filledMs = performance.now() - started;
const loaded = await memory();
for (const cluster of opened.splice(0)) cluster[Symbol.dispose]();
while (stores.stats().loadedClusters > 1) await sleep(200);
const unloaded = await memory();
const reloadStart = performance.now();
for (const id of ids) (await stores.open(id))?.[Symbol.dispose]();
const reloadMs = (performance.now() - reloadStart) / count;
const kib = (bytes: number): number => Number((bytes / 1024 / count).toFixed(2));
console.log(
  JSON.stringify(
    {
      clusters: count,
      objectsEach: objects,
      createAndFillMsEach: Number((filledMs / count).toFixed(2)),
      loadMsEach: Number(reloadMs.toFixed(2)),
      loadedKibEach: { heap: kib(loaded.heap - before.heap), rss: kib(loaded.rss - before.rss) },
      unloadedKibEach: { heap: kib(unloaded.heap - before.heap), rss: kib(unloaded.rss - before.rss) },
    },
    null,
    2,
  ),
);

async function fill(id: string) {
  await stores.create(id, {});
  const cluster = await stores.open(id);
  if (cluster === undefined) throw new Error('The cluster could not be opened.');
  await Promise.all(
    Array.from({ length: objects }, (_, at) => {
      const object = deployment(`d-${at}`);
      const metadata = {
        ...object.metadata,
        uid: randomUUID(),
        resourceVersion: '',
        creationTimestamp: '2026-01-01T00:00:00Z',
      };
      return cluster.store.write(
        { resource: 'apps/deployments', namespace: 'default', name: metadata.name },
        () => ({
          kind: 'put',
          object: { ...object, apiVersion: 'apps/v1', kind: 'Deployment', metadata },
        }),
      );
    }),
  );
  return cluster;
}

async function memory(): Promise<{ heap: number; rss: number }> {
  for (let round = 0; round < 4; round++) {
    collect();
    await sleep(50);
  }
  const { heapUsed, external, rss } = process.memoryUsage();
  return { heap: heapUsed + external, rss };
}
