import { setTimeout as sleep } from 'node:timers/promises';
import { noProxies } from '@hexabase/kernel/client-address.ts';
import { systemClock } from '@hexabase/kernel/clock.ts';
import { AppError } from '@hexabase/kernel/errors.ts';
import { newId } from '@hexabase/kernel/id.ts';
import { silentLogger } from '@hexabase/kernel/log.ts';
import { until } from '@hexabase/testkit/given.ts';
import type { FastifyInstance } from 'fastify';
import { afterEach, describe, expect, it } from 'vitest';
import { createHttp } from './create-http.ts';
import type { HttpDeps } from './http-deps.ts';
import { createMetrics } from './metrics.ts';

let app: FastifyInstance | undefined;
afterEach(() => app?.close());

async function start(differences: Partial<HttpDeps> = {}): Promise<FastifyInstance> {
  app = await createHttp({
    execute: () => Promise.reject(new AppError('not_built')),
    authenticate: () => Promise.reject(new AppError('unauthenticated')),
    allowedHosts: ['localhost'],
    clock: systemClock,
    log: silentLogger,
    metrics: createMetrics(async () => 0),
    ping: async () => undefined,
    rateLimit: { burst: 2, perSecond: 0.001 },
    version: '0.0.0',
    ...differences,
  });
  app.get('/where-from', async ({ ip }) => ip);
  return app;
}

describe('under a name that is not ours', () => {
  const headers = { host: '10.42.0.7:8080' };

  it.each(['/health', '/ready'])('%s answers, as a kubelet asks it at the address of a pod', async (url) => {
    expect((await (await start()).inject({ url, headers })).statusCode).toBe(200);
  });

  it.each(['/metrics', '/api/v1/plans', '/where-from', '/', '/healthy'])('%s does not', async (url) => {
    const { statusCode, body } = await (await start()).inject({ url, headers });
    expect([statusCode, JSON.parse(body).error.code]).toEqual([400, 'unknown_host']);
  });
});

describe('on a socket for both families', () => {
  const remoteAddress = '::ffff:203.0.113.9';

  it.each([{ trustedProxies: noProxies }, {}])(
    'an IPv4 client has its own address (%j)',
    async (differences) => {
      const { body } = await (await start(differences)).inject({ url: '/where-from', remoteAddress });
      expect(body).toBe('203.0.113.9');
    },
  );

  it('one IPv4 client does not use up what another may ask', async () => {
    const http = await start();
    const ask = async (from: string) =>
      (await http.inject({ url: '/api/v1/plans', remoteAddress: from })).statusCode;
    expect([await ask(remoteAddress), await ask(remoteAddress), await ask(remoteAddress)]).toEqual([
      401, 401, 429,
    ]);
    expect(await ask('::ffff:203.0.113.10')).toBe(401);
  });
});

describe('an answer that is made while it is sent', () => {
  it('is cut off from who may not have it any more, also where nothing is read', async () => {
    let mayGoOn = true;
    let made = 0;
    async function* chunks() {
      for (;;) yield String((made += 1)).padEnd(1_000_000, '.');
    }
    const stream = {
      type: 'text/csv',
      fileName: 'log.csv',
      chunks: chunks(),
      mayGoOn: async () => {
        if (!mayGoOn) throw new AppError('forbidden');
      },
    };
    const actor = { email: 'a@example.test', platformRole: null, memberships: [] };
    const http = await start({
      authenticate: async () => ({ ...actor, userId: newId(), sessionId: newId() }),
      execute: async () => ({ data: null, stream }),
    });
    const url = await http.listen({ port: 0, host: 'localhost' });
    const { port } = new URL(url);
    const response = await fetch(`http://localhost:${port}/api/v1/organizations/o/audit/export`, {
      headers: { authorization: 'Bearer x' },
    });
    expect(response.status).toBe(200);
    const connections = () =>
      new Promise<number>((resolve) => http.server.getConnections((_error, count) => resolve(count)));
    // Until the reader has more than it takes: then nothing is asked of who makes it.
    await until(async () => {
      const before = made;
      await sleep(200);
      return made === before;
    });
    expect(await connections()).toBe(1);
    mayGoOn = false;
    await until(async () => (await connections()) === 0);
    await expect(response.text()).rejects.toThrow();
  });
});
