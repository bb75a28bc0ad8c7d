import { expect, it } from 'vitest';
import { fixedClock } from '@hexabase/kernel/clock.ts';
import { silentLogger } from '@hexabase/kernel/log.ts';
import { baseObjects } from '../bootstrap/objects.ts';
import { createMemoryPersistence } from '../store/persistence-memory.ts';
import { createStores } from '../store/stores.ts';
import { createKubernetes } from '../kubernetes.ts';

const config = { authorization: 'RBAC', nodes: [], basePath: '' } as const;

function start() {
  const clock = fixedClock(Date.UTC(2026, 0, 1));
  const persistence = createMemoryPersistence();
  const open = () => {
    const stores = createStores({ persistence, clock, log: silentLogger, base: baseObjects() });
    const kubernetes = createKubernetes({
      stores,
      clock,
      log: silentLogger,
      authenticatorOf: () => async () => null,
      controllers: false,
    });
    return { stores, kubernetes };
  };
  return { clock, open };
}

it('a running cluster is not due; one whose process died without a word comes due', async () => {
  const { clock, open } = start();
  const { stores, kubernetes } = open();
  await kubernetes.ensureCluster('a', config);
  expect(await stores.dueClusters(clock.now() + 59_000)).toEqual([]);
  expect(await stores.dueClusters(clock.now() + 60_000)).toEqual(['a']);
  await kubernetes[Symbol.asyncDispose]();
  await stores[Symbol.asyncDispose]();
});

it('an orderly stop leaves nothing due for a cluster that has nothing to do, and the next process serves it', async () => {
  const { clock, open } = start();
  const first = open();
  const { uid } = await first.kubernetes.ensureCluster('a', config);
  await first.kubernetes.request('a', {
    method: 'POST',
    path: '/api/v1/namespaces',
    body: { metadata: { name: 'kept' } },
  });
  await first.kubernetes[Symbol.asyncDispose]();
  expect(await first.stores.dueClusters(clock.now() + 1e9)).toEqual([]);
  await first.stores[Symbol.asyncDispose]();
  const second = open();
  expect(await second.kubernetes.findCluster('a')).toEqual({ uid, config });
  expect(
    (await second.kubernetes.request('a', { method: 'GET', path: '/api/v1/namespaces/kept' })).status,
  ).toBe(200);
  expect((await second.kubernetes.request('b', { method: 'GET', path: '/version' })).status).toBe(404);
  await second.kubernetes[Symbol.asyncDispose]();
  await second.stores[Symbol.asyncDispose]();
});
