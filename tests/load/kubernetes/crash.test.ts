import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { createInterface } from 'node:readline';
import { fileURLToPath } from 'node:url';
import { systemClock } from '@hexabase/kernel/clock.ts';
import { silentLogger } from '@hexabase/kernel/log.ts';
import { storeMigrations } from '@hexabase/kubernetes/store/migrations.ts';
import { createPostgresPersistence } from '@hexabase/kubernetes/store/persistence-postgres.ts';
import type { ClusterStore } from '@hexabase/kubernetes/store/store.ts';
import { createStores } from '@hexabase/kubernetes/store/stores.ts';
import { clientConfig, endpointAs } from '@hexabase/postgres/connection.ts';
import { testDatabase } from '@hexabase/testkit/test-database.ts';
import { Pool, type PoolConfig } from 'pg';
import { expect, it } from 'vitest';

const writer = fileURLToPath(new URL('./crash-writer.ts', import.meta.url));

/** Lets a process write until so many writes were acknowledged, kills it with SIGKILL, answers what it had acknowledged. */
async function writeAndKill(
  config: PoolConfig,
  { round, acknowledged }: { round: number; acknowledged: number },
): Promise<Map<string, number>> {
  const child = spawn(process.execPath, [writer, JSON.stringify(config), String(round)], {
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  const acks = new Map<string, number>();
  let count = 0;
  for await (const line of createInterface({ input: child.stdout })) {
    const match = /^(\S+) (\d+)$/.exec(line);
    if (match?.[1] !== undefined) acks.set(match[1], Number(match[2]));
    if (++count === acknowledged) child.kill('SIGKILL');
  }
  if (child.exitCode === null && child.signalCode === null) await once(child, 'exit');
  expect(child.signalCode).toBe('SIGKILL');
  return acks;
}

/** What a watcher that saw every change since the beginning would have by now. */
function replayed(store: ClusterStore): Map<string, string> {
  const state = new Map<string, string>();
  let last = 1;
  for (const event of store.since('*', 1) ?? []) {
    expect(event.revision).toBe(++last);
    expect(event.previous?.metadata.resourceVersion).toBe(
      state.has(event.key.name)
        ? JSON.parse(state.get(event.key.name) ?? '').metadata.resourceVersion
        : undefined,
    );
    if (event.type === 'DELETED') state.delete(event.key.name);
    else state.set(event.key.name, event.text);
  }
  expect(last).toBe(store.revision());
  return state;
}

it('a writer killed in mid-load loses no acknowledged write, and revisions keep growing', async () => {
  await using database = await testDatabase({ migrations: storeMigrations });
  const config = clientConfig(endpointAs(database.admin, 'hexabase_kube', database.masterKey));
  const pool = new Pool(config);
  const persistence = createPostgresPersistence(pool);
  await persistence.insertCluster({ id: 'crash', uid: 'u', config: {} });
  const acknowledged = new Map<string, number>();
  let newest = 1;
  for (let round = 0; round < 3; round++) {
    const acks = await writeAndKill(config, { round, acknowledged: 400 + round * 77 });
    expect(Math.min(...acks.values())).toBeGreaterThan(newest);
    for (const [name, revision] of acks) acknowledged.set(name, revision);
    await using stores = createStores({ persistence, clock: systemClock, log: silentLogger, base: [] });
    const opened = await stores.open('crash');
    if (opened === undefined) throw new Error('The cluster is gone.');
    const { store } = opened;
    for (const [name, revision] of acknowledged) {
      expect(Number(store.get('/configmaps', 'a', name)?.metadata.resourceVersion)).toBeGreaterThanOrEqual(
        revision,
      );
    }
    expect([...replayed(store).values()].sort()).toEqual([...store.list('/configmaps').texts].sort());
    newest = store.revision();
    expect(newest).toBeGreaterThanOrEqual(Math.max(...acks.values()));
  }
  await pool.end();
});

it('connections that break in mid-load leave watchers with every change once, in order, and no acknowledged write lost', async () => {
  await using database = await testDatabase({ migrations: storeMigrations });
  const pool = new Pool(clientConfig(endpointAs(database.admin, 'hexabase_kube', database.masterKey)));
  pool.on('error', () => undefined);
  const admin = new Pool(clientConfig(database.admin));
  const stores = createStores({
    persistence: createPostgresPersistence(pool),
    clock: systemClock,
    log: silentLogger,
    base: [],
  });
  await stores.create('broken', {});
  const opened = await stores.open('broken');
  if (opened === undefined) throw new Error('The cluster is gone.');
  const { store } = opened;
  const seen: number[] = [];
  store.subscribe('*', ({ revision }) => seen.push(revision));
  const acknowledged = new Map<string, number>();
  let failures = 0;
  const worker = async (id: number): Promise<void> => {
    for (let count = 0; count < 60; count++) {
      const object = {
        apiVersion: 'v1',
        kind: 'ConfigMap',
        metadata: {
          name: `w${id}-${count}`,
          namespace: 'a',
          uid: '',
          resourceVersion: '',
          creationTimestamp: '',
        },
      };
      await store
        .write({ resource: '/configmaps', namespace: 'a', name: object.metadata.name }, () => ({
          kind: 'put',
          object,
        }))
        .then(
          ({ revision }) => acknowledged.set(object.metadata.name, revision),
          () => failures++,
        );
      if (id === 0 && count % 10 === 5)
        await admin.query(
          "select pg_terminate_backend(pid) from pg_stat_activity where usename = 'hexabase_kube' and datname = current_database()",
        );
    }
  };
  await Promise.all(Array.from({ length: 12 }, (_, id) => worker(id)));
  expect(failures).toBeGreaterThan(0);
  expect(acknowledged.size).toBeGreaterThan(0);
  for (const [name, revision] of acknowledged)
    expect(store.get('/configmaps', 'a', name)?.metadata.resourceVersion).toBe(String(revision));
  expect(seen).toEqual(Array.from(seen, (_, at) => at + 2));
  expect(seen.at(-1)).toBe(store.revision());
  await stores[Symbol.asyncDispose]();
  await Promise.all([pool.end(), admin.end()]);
});
