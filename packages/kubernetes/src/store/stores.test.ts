import { fixedClock } from '@hexabase/kernel/clock.ts';
import { silentLogger } from '@hexabase/kernel/log.ts';
import { testDatabase, type TestDatabase } from '@hexabase/testkit/test-database.ts';
import type { Pool } from 'pg';
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import type { GroupResource, KubeObject } from '../types.ts';
import type { CommitBatch, Persistence } from './persistence.ts';
import { storeMigrations } from './migrations.ts';
import { createMemoryPersistence } from './persistence-memory.ts';
import { createPostgresPersistence } from './persistence-postgres.ts';
import type { ClusterStore, StoreEvent } from './store.ts';
import { createStores, type StoresOptions } from './stores.ts';

let database: TestDatabase | undefined;
let pool: Pool | undefined;

beforeAll(async () => {
  database = await testDatabase({ migrations: storeMigrations });
  pool = database.database.openPool('hexabase_owner', 6);
});

afterAll(async () => {
  await database?.close();
});

/** What the tests of the running kind of persistence start with: no clusters. */
let fresh: () => Persistence;

const configMaps: GroupResource = '/configmaps';
const pods: GroupResource = '/pods';
function configMap(name: string, value = '', more: Partial<KubeObject['metadata']> = {}): KubeObject {
  return {
    apiVersion: 'v1',
    kind: 'ConfigMap',
    data: { value },
    metadata: {
      name,
      namespace: 'a',
      uid: `uid-${name}`,
      resourceVersion: '',
      creationTimestamp: '2026-01-01T00:00:00Z',
      ...more,
    },
  };
}

const base = [
  {
    resource: '/namespaces' as const,
    object: {
      ...configMap('default'),
      kind: 'Namespace',
      metadata: { ...configMap('default').metadata, namespace: '' },
    },
  },
];

function stores(options: Partial<StoresOptions> = {}) {
  return createStores({
    persistence: fresh(),
    clock: fixedClock(1_000_000),
    log: silentLogger,
    base,
    ...options,
  });
}

async function openedCluster(options: Partial<StoresOptions> = {}, id = 'one') {
  const all = stores(options);
  await all.create(id, {});
  const opened = await all.open(id);
  if (opened === undefined) throw new Error('not opened');
  return { all, opened, store: opened.store, [Symbol.asyncDispose]: () => all[Symbol.asyncDispose]() };
}

const put = (store: ClusterStore, object: KubeObject, resource: GroupResource = configMaps) =>
  store.write({ resource, namespace: object.metadata.namespace ?? '', name: object.metadata.name }, () => ({
    kind: 'put',
    object,
  }));
const remove = (store: ClusterStore, name: string) =>
  store.write({ resource: configMaps, namespace: 'a', name }, () => ({ kind: 'delete' }));

/** Passes everything on, but fails the commits that the test wants to fail. */
function failing(
  persistence: Persistence,
  fails: (batch: CommitBatch) => 'before' | 'after' | undefined,
): Persistence {
  return {
    ...persistence,
    async commit(batch) {
      const when = fails(batch);
      if (when === 'before') throw new Error('the database is gone');
      const result = await persistence.commit(batch);
      if (when === 'after') throw new Error('the answer was lost');
      return result;
    },
  };
}

describe.each(['memory', 'PostgreSQL'])('the store in %s', (kind) => {
  beforeEach(async () => {
    await pool?.query('truncate kube.clusters, kube.objects, kube.log');
    fresh = () =>
      kind === 'memory' || pool === undefined ? createMemoryPersistence() : createPostgresPersistence(pool);
  });

  describe('writes', () => {
    it('gives every change its own growing revision, which the object carries', async () => {
      await using one = await openedCluster();
      const results = await Promise.all([1, 2, 3].map((n) => put(one.store, configMap(`m${n}`))));
      expect(results.map(({ revision }) => revision)).toEqual([2, 3, 4]);
      expect(results.map(({ object }) => object?.metadata.resourceVersion)).toEqual(['2', '3', '4']);
      expect(JSON.parse(one.store.getText(configMaps, 'a', 'm2') ?? '')).toEqual(
        one.store.get(configMaps, 'a', 'm2'),
      );
      expect(one.store.revision()).toBe(4);
    });

    it('decides on the newest state, also while that is still being committed', async () => {
      await using one = await openedCluster();
      const increment = () =>
        one.store.write({ resource: configMaps, namespace: 'a', name: 'counter' }, (current) => {
          const data = current?.['data'];
          const count = typeof data === 'object' && data !== null && 'value' in data ? Number(data.value) : 0;
          return { kind: 'put', object: configMap('counter', String(count + 1)) };
        });
      await Promise.all(Array.from({ length: 200 }, increment));
      expect(one.store.get(configMaps, 'a', 'counter')).toMatchObject({
        data: { value: '200' },
        metadata: { resourceVersion: '201' },
      });
    });

    it('shows a change to readers and watchers only when it is durable, in the order of the revisions', async () => {
      const seen: StoreEvent[] = [];
      await using one = await openedCluster();
      one.store.subscribe(configMaps, (event) => seen.push(event));
      const writes = [
        put(one.store, configMap('m')),
        put(one.store, configMap('m', 'new')),
        remove(one.store, 'm'),
        put(one.store, configMap('n')),
      ];
      expect(one.store.get(configMaps, 'a', 'm')).toBeUndefined();
      expect(seen).toEqual([]);
      const results = await Promise.all(writes);
      expect(seen.map(({ type, revision }) => `${type} ${revision}`)).toEqual([
        'ADDED 2',
        'MODIFIED 3',
        'DELETED 4',
        'ADDED 5',
      ]);
      expect(seen[2]).toMatchObject({
        object: { data: { value: 'new' }, metadata: { resourceVersion: '4' } },
        previous: { metadata: { resourceVersion: '3' } },
      });
      expect(results[2]).toMatchObject({ revision: 4, object: { metadata: { resourceVersion: '4' } } });
      expect(one.store.since('*', 1)).toMatchObject(seen.map(({ text, previous }) => ({ text, previous })));
    });

    it('keeps any text exactly, over a restart too', async () => {
      const persistence = fresh();
      const value = 'quote " backslash \\ brace {NULL, } newline \n nul \u0000 lone \ud800 emoji 🚀 日本語';
      await using one = await openedCluster({ persistence });
      await put(one.store, configMap('m', 'before'));
      await put(one.store, configMap('m', value));
      await using restarted = await openedCluster({ persistence });
      expect(restarted.store.get(configMaps, 'a', 'm')?.['data']).toEqual({ value });
      expect(restarted.store.getText(configMaps, 'a', 'm')).toBe(one.store.getText(configMaps, 'a', 'm'));
      expect(restarted.store.since('*', 2)?.[0]).toMatchObject({
        object: { data: { value } },
        previous: { data: { value: 'before' } },
      });
    });

    it('leaves everything as it was when the decision throws or changes nothing', async () => {
      await using one = await openedCluster();
      await put(one.store, configMap('m'));
      const key = { resource: configMaps, namespace: 'a', name: 'm' };
      await expect(
        one.store.write(key, () => {
          throw new Error('refused');
        }),
      ).rejects.toThrow('refused');
      await expect(one.store.write(key, () => ({ kind: 'none' }))).resolves.toMatchObject({
        revision: 2,
        object: { metadata: { name: 'm' } },
      });
      expect(one.store.revision()).toBe(2);
    });
  });

  describe('failed commits', () => {
    it('leave nothing visible and refuse what was built on them', async () => {
      let broken = false;
      await using one = await openedCluster({
        persistence: failing(fresh(), () => (broken ? 'before' : undefined)),
      });
      const seen: StoreEvent[] = [];
      one.store.subscribe('*', (event) => seen.push(event));
      broken = true;
      const writes = await Promise.allSettled([
        put(one.store, configMap('m')),
        put(one.store, configMap('m', 'again')),
        put(one.store, configMap('n')),
      ]);
      expect(writes.map(({ status }) => status)).toEqual(['rejected', 'rejected', 'rejected']);
      expect(one.store.list(configMaps).texts).toEqual([]);
      expect(seen).toEqual([]);
      broken = false;
      await expect(put(one.store, configMap('m', 'later'))).resolves.toMatchObject({ revision: 2 });
    });

    it('that counted after all turn up with their events after the cluster is read again', async () => {
      let lose = true;
      await using one = await openedCluster({
        persistence: failing(fresh(), () => (lose ? 'after' : undefined)),
      });
      const seen: string[] = [];
      one.store.subscribe('*', (event) =>
        seen.push(`${event.type} ${event.object.metadata.name} ${event.revision}`),
      );
      await expect(put(one.store, configMap('m'))).rejects.toThrow('the answer was lost');
      lose = false;
      await expect(put(one.store, configMap('n'))).resolves.toMatchObject({ revision: 3 });
      expect(seen).toEqual(['ADDED m 2', 'ADDED n 3']);
    });

    it('of one cluster do not touch another that is fine', async () => {
      const persistence = fresh();
      await using one = await openedCluster({ persistence });
      await one.all.create('two', {});
      const two = await one.all.open('two');
      await persistence.load('one', { logRows: 0 });
      const [stale, fine] = await Promise.allSettled([
        put(one.store, configMap('m')),
        put(two?.store ?? one.store, configMap('m')),
      ]);
      expect([stale.status, fine.status]).toEqual(['rejected', 'fulfilled']);
      expect(one.opened.signal.aborted).toBe(true);
      expect(two?.signal.aborted).toBe(false);
    });
  });

  describe('ownership', () => {
    it('a process that lost a cluster cannot write to it, and reads the new state when it opens it again', async () => {
      const persistence = fresh();
      await using first = await openedCluster({ persistence });
      await put(first.store, configMap('m'));
      await using second = await openedCluster({ persistence });
      await put(second.store, configMap('n'));
      await expect(put(first.store, configMap('x'))).rejects.toMatchObject({ code: 'cluster_unavailable' });
      expect(first.opened.signal.aborted).toBe(true);
      const again = await first.all.open('one');
      expect(again?.store.list(configMaps).items.map((item) => item.metadata.name)).toEqual(['m', 'n']);
      await expect(put(second.store, configMap('y'))).rejects.toMatchObject({ code: 'cluster_unavailable' });
    });

    it('a process that reads again after a failure does not rob the new owner', async () => {
      let broken = false;
      const persistence = fresh();
      await using first = await openedCluster({
        persistence: failing(persistence, () => (broken ? 'before' : undefined)),
      });
      await using second = await openedCluster({ persistence });
      broken = true;
      await expect(put(first.store, configMap('m'))).rejects.toThrow('the database is gone');
      await expect(put(first.store, configMap('m'))).rejects.toMatchObject({ code: 'cluster_unavailable' });
      await expect(put(second.store, configMap('n'))).resolves.toMatchObject({ revision: 2 });
    });

    it('is noticed without a write', async () => {
      const persistence = fresh();
      await using first = await openedCluster({ persistence, sweepIntervalMs: 5 });
      await persistence.load('one', { logRows: 0 });
      await new Promise((resolve) => first.opened.signal.addEventListener('abort', resolve));
      expect(first.all.stats().loadedClusters).toBe(0);
    });
  });

  describe('base objects', () => {
    it('are in every cluster without rows, and changes to them stay in one cluster, over a restart too', async () => {
      const persistence = fresh();
      await using one = await openedCluster({ persistence });
      await using two = await openedCluster({ persistence }, 'two');
      const namespaces: GroupResource = '/namespaces';
      expect(one.store.get(namespaces, '', 'default')?.metadata.resourceVersion).toBe('1');
      expect(one.store.byUid('uid-default')?.resource).toBe(namespaces);
      await one.store.write({ resource: namespaces, namespace: '', name: 'default' }, () => ({
        kind: 'delete',
      }));
      expect(one.store.get(namespaces, '', 'default')).toBeUndefined();
      expect(one.store.byUid('uid-default')).toBeUndefined();
      expect(two.store.list(namespaces).items).toHaveLength(1);
      await using restarted = await openedCluster({ persistence });
      expect(restarted.store.list(namespaces).items).toEqual([]);
      expect(restarted.store.since('*', 1)).toMatchObject([
        { type: 'DELETED', previous: { metadata: { name: 'default' } } },
      ]);
    });
  });

  describe('lists', () => {
    it('page through all objects in the order of their keys, as they were when the first page was read', async () => {
      await using one = await openedCluster();
      for (const name of ['d', 'b', 'a', 'e', 'c']) await put(one.store, configMap(name));
      const atRevision = one.store.revision();
      const first = one.store.list(configMaps, { namespace: 'a', limit: 2, atRevision });
      await Promise.all([
        remove(one.store, 'c'),
        put(one.store, configMap('bb')),
        put(one.store, configMap('d', 'new')),
      ]);
      const rest = one.store.list(configMaps, {
        namespace: 'a',
        limit: 3,
        atRevision,
        after: { namespace: 'a', name: 'b' },
      });
      expect([...first.items, ...rest.items].map((item) => item.metadata.name)).toEqual([
        'a',
        'b',
        'c',
        'd',
        'e',
      ]);
      expect(rest.items[1]).toMatchObject({ data: { value: '' } });
      expect([first.more, first.remaining, rest.more, rest.remaining]).toEqual([true, 3, false, 0]);
      expect(one.store.list(configMaps).items.map((item) => item.metadata.name)).toEqual([
        'a',
        'b',
        'bb',
        'd',
        'e',
      ]);
    });

    it('keep to a namespace and to a filter', async () => {
      await using one = await openedCluster();
      for (const namespace of ['a', 'a-b', 'a0', 'b'])
        await put(one.store, configMap(`in-${namespace}`, '', { namespace }));
      expect(one.store.list(configMaps, { namespace: 'a' }).items.map((item) => item.metadata.name)).toEqual([
        'in-a',
      ]);
      const filtered = one.store.list(configMaps, {
        filter: (item) => item.metadata.namespace !== 'a',
        limit: 2,
      });
      expect([filtered.items.map((item) => item.metadata.namespace), filtered.more]).toEqual([
        ['a-b', 'a0'],
        true,
      ]);
    });

    it('show the page as it was, even when the objects are looked at later', async () => {
      await using one = await openedCluster();
      await put(one.store, configMap('m', 'old'));
      const page = one.store.list(configMaps);
      await put(one.store, configMap('m', 'new'));
      expect(page.items[0]).toMatchObject({ data: { value: 'old' } });
    });

    it('follow owners, uids and nodes through changes', async () => {
      await using one = await openedCluster();
      const pod = {
        ...configMap('p', '', {
          ownerReferences: [{ apiVersion: 'v1', kind: 'X', name: 'x', uid: 'owner' }],
        }),
        spec: { nodeName: 'n1' },
      };
      await put(one.store, pod, pods);
      expect([
        one.store.dependents('owner').length,
        one.store.podsOnNode('n1').length,
        one.store.byUid('uid-p')?.resource,
      ]).toEqual([1, 1, pods]);
      await put(one.store, { ...pod, metadata: configMap('p').metadata, spec: { nodeName: 'n2' } }, pods);
      expect([
        one.store.dependents('owner').length,
        one.store.podsOnNode('n1').length,
        one.store.podsOnNode('n2').length,
      ]).toEqual([0, 0, 1]);
    });
  });

  describe('history', () => {
    it('a watch older than what is kept is refused, a younger one goes on, over a restart too', async () => {
      const persistence = fresh();
      const clock = fixedClock(0);
      const history = { changesMin: 3, ageMsMax: 1000, charactersMax: 1e6 };
      await using one = await openedCluster({ persistence, clock, history });
      for (let n = 0; n < 6; n++) await put(one.store, configMap('m', String(n)));
      clock.advance(5000);
      for (let n = 6; n < 9; n++) await put(one.store, configMap('m', String(n)));
      expect(one.store.compactedRevision()).toBe(6);
      expect(one.store.since('*', 6)).toBeUndefined();
      expect(one.store.since('*', 7)?.map(({ revision }) => revision)).toEqual([8, 9, 10]);
      expect(await persistence.compact({ revisions: 3, beforeMs: clock.now() - 1000, rowsMax: 4 })).toBe(4);
      expect(await persistence.compact({ revisions: 3, beforeMs: clock.now() - 1000, rowsMax: 4 })).toBe(2);
      expect(await persistence.compact({ revisions: 3, beforeMs: clock.now() - 1000, rowsMax: 4 })).toBe(0);
      await using restarted = await openedCluster({ persistence, clock, history });
      expect(restarted.store.since('*', 6)).toBeUndefined();
      expect(restarted.store.since('*', 7)?.map(({ text }) => text)).toEqual(
        one.store.since('*', 7)?.map(({ text }) => text),
      );
      expect(restarted.store.since('*', 7)?.[0]?.previous).toMatchObject({ data: { value: '5' } });
    });

    it('a restarted cluster replays deletions as they were', async () => {
      const persistence = fresh();
      await using one = await openedCluster({ persistence });
      await put(one.store, configMap('m', 'x'));
      await remove(one.store, 'm');
      await put(one.store, configMap('m', 'y'));
      await using restarted = await openedCluster({ persistence });
      const plain = (events: readonly StoreEvent[] | undefined) =>
        events?.map(({ type, revision, text, previous, object }) => ({
          type,
          revision,
          text,
          previous,
          object,
        }));
      expect(plain(restarted.store.since('*', 1))).toEqual(plain(one.store.since('*', 1)));
      expect(restarted.store.revision()).toBe(4);
    });
  });

  describe('loading and unloading', () => {
    it('concurrent opens share one load, and an unused cluster leaves memory and comes back whole', async () => {
      const persistence = fresh();
      let loads = 0;
      const counting: Persistence = {
        ...persistence,
        load: (id, options) => (loads++, persistence.load(id, options)),
      };
      const clock = fixedClock(0);
      await using all = stores({ persistence: counting, clock, sweepIntervalMs: 5, idleUnloadMs: 1000 });
      await all.create('one', { basePath: '' });
      const [first, second] = await Promise.all([all.open('one'), all.open('one')]);
      if (first === undefined || second === undefined) throw new Error('not opened');
      expect([loads, first.store === second.store]).toEqual([1, true]);
      await put(first.store, configMap('m'));
      first[Symbol.dispose]();
      first[Symbol.dispose]();
      clock.advance(2000);
      await new Promise((resolve) => setTimeout(resolve, 30));
      expect(all.stats()).toEqual({ clusters: 1, loadedClusters: 1, objects: 1 });
      second[Symbol.dispose]();
      clock.advance(2000);
      await expect.poll(() => all.stats().loadedClusters).toBe(0);
      const again = await all.open('one');
      expect(again?.store.get(configMaps, 'a', 'm')?.metadata.resourceVersion).toBe('2');
      expect(loads).toBe(2);
    });

    it('a cluster that does not exist opens as undefined, and a removed one ends', async () => {
      await using one = await openedCluster();
      expect(await one.all.open('none')).toBeUndefined();
      await one.all.remove('one');
      expect(one.opened.signal.aborted).toBe(true);
      await expect(put(one.store, configMap('m'))).rejects.toMatchObject({ code: 'cluster_unavailable' });
      expect([await one.all.open('one'), await one.all.find('one'), await one.all.all()]).toEqual([
        undefined,
        undefined,
        [],
      ]);
    });

    it('configuration changes reach those who have the cluster open, and creating again changes nothing', async () => {
      await using one = await openedCluster();
      await one.all.setConfig('one', { nodes: 2 });
      const { uid } = await one.all.create('one', { nodes: 9 });
      expect([one.opened.config, uid, (await one.all.find('one'))?.config]).toEqual([
        { nodes: 2 },
        one.store.uid,
        { nodes: 2 },
      ]);
    });

    it('sleeping clusters are named when their wake time has come', async () => {
      await using one = await openedCluster();
      await one.all.setWakes([{ id: 'one', atMs: 500 }]);
      expect([await one.all.dueClusters(499), await one.all.dueClusters(500)]).toEqual([[], ['one']]);
      await one.all.setWakes([{ id: 'one', atMs: null }]);
      expect(await one.all.dueClusters(1e9)).toEqual([]);
    });

    it('disposing waits for what is being written', async () => {
      const persistence = fresh();
      const one = await openedCluster({ persistence });
      const write = put(one.store, configMap('m'));
      await one[Symbol.asyncDispose]();
      await expect(write).resolves.toMatchObject({ revision: 2 });
      await expect(one.all.open('one')).rejects.toMatchObject({ code: 'cluster_unavailable' });
    });
  });
});
