import { systemClock } from '@hexabase/kernel/clock.ts';
import { silentLogger } from '@hexabase/kernel/log.ts';
import { createPostgresPersistence } from '@hexabase/kubernetes/store/persistence-postgres.ts';
import { createStores } from '@hexabase/kubernetes/store/stores.ts';
import { Pool, type PoolConfig } from 'pg';

/** Writes without end until it is killed, and prints `<name> <revision>` for each acknowledged write. */
const config: PoolConfig = JSON.parse(process.argv[2] ?? '{}');
const round = process.argv[3] ?? '0';
const stores = createStores({
  persistence: createPostgresPersistence(new Pool(config)),
  clock: systemClock,
  log: silentLogger,
  base: [],
});
const opened = await stores.open('crash');
if (opened === undefined) throw new Error('The test made no cluster.');
const { store } = opened;

async function writeOn(worker: number): Promise<void> {
  for (let count = 0; ; count++) {
    // Every third name is written again, so that the log has changes as well as creations.
    const name = `r${round}-w${worker}-${count - (count % 3)}`;
    const { revision } = await store.write({ resource: '/configmaps', namespace: 'a', name }, () => ({
      kind: 'put',
      object: {
        apiVersion: 'v1',
        kind: 'ConfigMap',
        data: { count: String(count), filler: 'x'.repeat(1000) },
        metadata: {
          name,
          namespace: 'a',
          uid: name,
          resourceVersion: '',
          creationTimestamp: '2026-01-01T00:00:00Z',
        },
      },
    }));
    process.stdout.write(`${name} ${revision}\n`);
  }
}

await Promise.all(Array.from({ length: 16 }, (_, worker) => writeOn(worker)));
