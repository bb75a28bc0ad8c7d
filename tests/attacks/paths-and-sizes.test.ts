import { connect, type Socket } from 'node:net';
import { gzipSync } from 'node:zlib';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { exchange } from './exchange.ts';
import { startProduct, type Attacked, type Tenant } from './start-product.ts';

/** Spellings that two parsers read differently, and requests that are too much. */
let product: Attacked;
let ann: Tenant;
let eve: Tenant;

beforeAll(async () => {
  product = await startProduct();
  [ann, eve] = await Promise.all([product.tenant('ann'), product.tenant('eve')]);
});
afterAll(() => product[Symbol.asyncDispose]());

describe('other spellings of an address', () => {
  const spellings = (path: string, tail: string) => [
    `/${path}`,
    `${path}/`,
    `${path};a=b`,
    `${path}%00`,
    `${path}/.`,
    `${path}/../${tail}`,
    path.replace(tail, `x/../${tail}`),
    path.replace(`/${tail}`, `%2f${tail}`),
    path.replace(`/${tail}`, `//${tail}`),
    path.replace(`/${tail}`, `\\${tail}`),
    path.replace(tail, tail.toUpperCase()),
    path.replace(tail, `%${tail.charCodeAt(0).toString(16)}${tail.slice(1)}`),
    path.toUpperCase(),
  ];

  test('A16 other spellings of an address of the API decide as the canonical one does, on both ports', async () => {
    const path = `/api/v1/workspaces/${ann.workspaceId}`;
    for (const server of [product.api, product.gateway]) {
      for (const spelled of spellings(path, ann.workspaceId)) {
        for (const token of [undefined, eve.access]) {
          for (const method of ['GET', 'DELETE', 'POST']) {
            const answer = await exchange(server, { method, path: spelled, token });
            expect([method, spelled, answer.status >= 400 && answer.status < 500]).toEqual([
              method,
              spelled,
              true,
            ]);
            expect(answer.text).not.toContain('ann workspace');
          }
        }
      }
    }
    expect((await ann.call('GET', path)).json['data'].phase).toBe('active');
  });

  test('A16 other names of the host are refused on both ports, also with a good token', async () => {
    const headers = ['Host', 'evil.example'];
    const asked = [
      await exchange(product.api, { path: '/api/v1/workspaces', token: ann.access, headers }),
      await exchange(product.gateway, { path: '/api/v1/workspaces', token: ann.access, headers }),
      await exchange(product.gateway, {
        path: `/k8s/workspaces/${ann.workspaceId}/version`,
        token: ann.kubeToken,
        headers,
      }),
    ];
    expect(asked.map(({ status }) => status)).toEqual([400, 400, 400]);
  });

  test('A16 a second Host is refused at the gateway, whichever of the two is ours', async () => {
    const path = `/k8s/workspaces/${ann.workspaceId}/version`;
    for (const hosts of [
      ['localhost', 'evil.example'],
      ['evil.example', 'localhost'],
      ['localhost', 'localhost'],
    ]) {
      const headers = hosts.flatMap((host) => ['Host', host]);
      const { status } = await exchange(product.gateway, { path, token: ann.kubeToken, headers });
      expect([hosts, status]).toEqual([hosts, 400]);
    }
  });

  test('A16 other spellings of a cluster reach no other cluster and no right that the canonical one does not give', async () => {
    const base = '/k8s/workspaces';
    const crossed = [
      `${base}/${eve.workspaceId}/../${ann.workspaceId}/api/v1/secrets`,
      `${base}/${eve.workspaceId}/%2e%2e/${ann.workspaceId}/api/v1/secrets`,
      `${base}/${eve.workspaceId}%2f..%2f${ann.workspaceId}/api/v1/secrets`,
      `${base}/${eve.workspaceId}/k8s/workspaces/${ann.workspaceId}/api/v1/secrets`,
      `${base}//${ann.workspaceId}/api/v1/secrets`,
      `/k8s/./workspaces/${ann.workspaceId}/api/v1/secrets`,
      `/api/v1/../../k8s/workspaces/${ann.workspaceId}/api/v1/secrets`,
      `${base}/${ann.workspaceId};${eve.workspaceId}/api/v1/secrets`,
      `${base}/${ann.workspaceId}/api/v1/secrets?x=/k8s/workspaces/${eve.workspaceId}`,
      `https://localhost${base}/${ann.workspaceId}/api/v1/secrets`,
    ];
    for (const path of crossed) {
      const answer = await exchange(product.gateway, { path, token: eve.kubeToken });
      expect([path, [400, 401, 404].includes(answer.status)]).toEqual([path, true]);
    }
  });

  test.each(['TRACE', 'PROPFIND', 'PURGE', 'SEARCH'])('A16 the method %s does nothing', async (method) => {
    for (const [server, path] of [
      [product.api, '/api/v1/workspaces'],
      [product.gateway, `/k8s/workspaces/${ann.workspaceId}/api/v1/namespaces`],
    ] as const) {
      const answer = await exchange(server, {
        method,
        path,
        token: server === product.api ? ann.access : ann.kubeToken,
      });
      expect([400, 404, 405]).toContain(answer.status);
      expect(answer.text).not.toContain(ann.access);
    }
  });

  test('A16 a method in a header or in the query is no method', async () => {
    const path = `/api/v1/workspaces/${ann.workspaceId}`;
    for (const name of ['X-HTTP-Method-Override', 'X-Method-Override', 'X-HTTP-Method']) {
      expect((await ann.call('GET', path, undefined, [name, 'DELETE'])).status).toBe(200);
    }
    expect((await ann.call('GET', `${path}?_method=DELETE`)).status).toBeLessThan(500);
    expect((await ann.call('GET', path)).json['data'].phase).toBe('active');
  });
});

describe('too much', () => {
  const nested = (depth: number) => `${'{"a":'.repeat(depth)}1${'}'.repeat(depth)}`;
  const configMaps = '/api/v1/namespaces/default/configmaps';

  test('C07 too much depth is refused by the API and by clusters, and both live on', async () => {
    for (const body of [
      nested(10_000),
      `${'['.repeat(30_000)}${']'.repeat(30_000)}`,
      `{"name":${nested(5_000)}}`,
    ]) {
      expect((await eve.call('POST', '/api/v1/workspaces', body)).status).toBe(400);
    }
    const hostile = [
      nested(100_000),
      `{"metadata":{"name":"x"},"data":${nested(50_000)}}`,
      '['.repeat(500_000),
    ];
    for (const body of hostile) {
      const answer = await eve.kube('POST', configMaps, body);
      expect([body.slice(0, 20), [400, 413, 422].includes(answer.status)]).toEqual([body.slice(0, 20), true]);
    }
    expect((await ann.kube('GET', configMaps)).status).toBe(200);
  });

  test('C07 a body that is too large is refused before it is read', async () => {
    const huge = ['Content-Length', String(100 * 1024 * 1024), 'Content-Type', 'application/json'];
    const path = '/api/v1/workspaces';
    expect(
      (await exchange(product.api, { method: 'POST', path, token: eve.access, body: '{', headers: huge }))
        .status,
    ).toBe(413);
    const large = JSON.stringify({ metadata: { name: 'x' }, data: { value: 'x'.repeat(5 * 1024 * 1024) } });
    expect((await eve.kube('POST', configMaps, large)).status).toBe(413);
    expect(
      (
        await eve.kube('POST', configMaps, {
          metadata: { name: 'y' },
          data: { value: 'x'.repeat(1_100_000) },
        })
      ).status,
    ).toBe(422);
  });

  test('C07 what is small on the wire is not unpacked without a limit: gzip and YAML', async () => {
    const bomb = gzipSync(Buffer.alloc(50 * 1024 * 1024, ' ')).toString('latin1');
    const packed = ['Content-Encoding', 'gzip', 'Content-Type', 'application/json'];
    expect([400, 413, 415]).toContain((await eve.call('POST', '/api/v1/workspaces', bomb, packed)).status);
    const yaml = [
      'a: &a [x,x,x,x,x,x,x,x,x]',
      ...'bcdefghi'
        .split('')
        .map((name, index) => `${name}: &${name} [${Array(9).fill(`*${'abcdefgh'[index]}`).join(',')}]`),
    ].join('\n');
    for (const body of [yaml, `a: ${'['.repeat(100_000)}`, `${'- '.repeat(50_000)}x`]) {
      const sent = {
        method: 'POST',
        path: configMaps,
        token: eve.kubeToken,
        body,
        headers: ['Content-Type', 'application/yaml'],
      };
      const answer = await product.kube(eve.workspaceId, sent);
      expect([body.slice(0, 9), [400, 413, 415, 422].includes(answer.status)]).toEqual([
        body.slice(0, 9),
        true,
      ]);
    }
    expect((await ann.kube('GET', configMaps)).status).toBe(200);
  });

  test('C07 connections that never finish keep nobody else out, and are let go in the end', async () => {
    const port = Number(new URL(product.api.url).port);
    const sockets: Socket[] = Array.from({ length: 200 }, () => connect(port, '127.0.0.1'));
    for (const socket of sockets) {
      socket.on('error', () => undefined);
      socket.write(
        'POST /api/v1/workspaces HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\nContent-Length: 1000\r\n\r\n{',
      );
    }
    const answers = await Promise.all(
      Array.from({ length: 20 }, () => ann.call('GET', '/api/v1/workspaces')),
    );
    expect(new Set(answers.map(({ status }) => status))).toEqual(new Set([200]));
    for (const socket of sockets) socket.destroy();
    const { requestTimeout, headersTimeout } = product.product.http.server;
    expect(requestTimeout).toBeGreaterThan(0);
    expect(headersTimeout).toBeGreaterThan(0);
  });
});
