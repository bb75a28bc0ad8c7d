import { once } from 'node:events';
import { createServer } from 'node:http';
import { connect } from 'node:net';
import { expect, it } from 'vitest';
import { fixedClock, systemClock, type Clock } from '@hexabase/kernel/clock.ts';
import { silentLogger } from '@hexabase/kernel/log.ts';
import { baseObjects } from '../bootstrap/objects.ts';
import { createMemoryPersistence } from '../store/persistence-memory.ts';
import { createStores } from '../store/stores.ts';
import { createKubernetes } from '../kubernetes.ts';

const config = { authorization: 'RBAC', nodes: [], basePath: '' } as const;

function start(clock: Clock = fixedClock(Date.UTC(2026, 0, 1)), idleMs?: number) {
  const persistence = createMemoryPersistence();
  const open = () => {
    const stores = createStores({ persistence, clock, log: silentLogger, base: baseObjects() });
    const kubernetes = createKubernetes({
      stores,
      clock,
      log: silentLogger,
      authenticatorOf: () => async () => null,
      controllers: false,
      ...(idleMs !== undefined && { idleMs }),
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

it('a cluster whose client hung up while it was opened is let go', async () => {
  const { clock, open } = start(systemClock, 1);
  const { stores, kubernetes } = open();
  await kubernetes.ensureCluster('a', config);
  const { promise: asked, resolve } = Promise.withResolvers<void>();
  const server = createServer((request, response) => {
    response.once('close', () => {
      kubernetes.handle('a', request, response);
      resolve();
    });
    client.destroy();
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  const address = server.address();
  const client = connect(address !== null && typeof address === 'object' ? address.port : 0, '127.0.0.1');
  client.write('GET /version HTTP/1.1\r\nHost: localhost\r\n\r\n');
  await asked;
  // A cluster that is held is vouched for, and comes due when nobody does any more.
  await expect.poll(() => stores.dueClusters(clock.now() + 1e9), { timeout: 20_000 }).toEqual([]);
  await kubernetes[Symbol.asyncDispose]();
  await stores[Symbol.asyncDispose]();
  server.close();
});
