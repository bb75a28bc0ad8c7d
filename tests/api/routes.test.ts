import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { gatewayMatrix, routeCallers, routeMatrix } from '@hexabase/authz/route-matrix.ts';
import { afterAll, beforeAll, describe, expect, it, test } from 'vitest';
import { exchange, open } from '../attacks/exchange.ts';
import { gatewayRequests } from './routes/gateway-requests.ts';
import { routeRequests } from './routes/route-requests.ts';
import { openWorld, type World } from './routes/world.ts';

/** Every route that is not made from an operation: what each kind of caller meets there. */
let world: World;

beforeAll(async () => {
  world = await openWorld();
}, 60_000);
afterAll(() => world?.[Symbol.asyncDispose]());

describe.each(routeMatrix)('$route', ({ route, statuses }) => {
  it.each(routeCallers.map((caller, index) => [caller, statuses[index]] as const))(
    'as %s answers %i',
    async (caller, status) => {
      const sent = await routeRequests[route]?.(world, caller);
      if (!sent) throw new Error(`say how ${route} is asked`);
      // A stream does not end by itself.
      const answer = await open(world.product.api, sent);
      const [first] = answer.statusCode === 200 ? [''] : await answer.toArray();
      answer.destroy();
      expect(answer.statusCode, String(first)).toBe(status);
    },
  );
});

describe.each(gatewayMatrix)('$route', ({ route, statuses }) => {
  it.each(routeCallers.map((caller, index) => [caller, statuses[index]] as const))(
    'as %s answers %i on the https port, and nothing on the other',
    async (caller, status) => {
      const sent = await gatewayRequests[route]?.(world, caller);
      if (!sent) throw new Error(`say how ${route} is asked`);
      const answer = await exchange(world.product.gateway, sent);
      expect(answer.status, answer.text).toBe(status);
      if (answer.status >= 400) expect(answer.json).toMatchObject({ kind: 'Status', code: status });
      const elsewhere = await exchange(world.product.api, { ...sent, headers: [] });
      expect([elsewhere.status, elsewhere.json['error']?.code]).toEqual([404, 'not_found']);
    },
  );
});

test('whatever the https port answers by itself has a row; all else there is the API, as on the other port', async () => {
  const rows = gatewayMatrix.map(({ route }) => route).toSorted();
  expect(rows).toEqual(world.product.product.gateway.routes.toSorted());
  expect(Object.keys(gatewayRequests).toSorted()).toEqual(rows);
  for (const path of ['/health', '/auth/me', '/k8s', '/k8s/workspaces', '/nothing']) {
    const [here, there] = await Promise.all(
      [world.product.gateway, world.product.api].map((server) => exchange(server, { path })),
    );
    expect([path, here?.status, here?.json['error']]).toEqual([path, there?.status, there?.json['error']]);
  }
  // Both listeners look at an address to ask whether it is the gateway's, and for nothing else.
  const listeners = readFileSync(join(import.meta.dirname, '../../apps/server/src/listeners.ts'), 'utf8');
  expect(listeners.replaceAll("gateway.owns(request.url ?? '')", '')).not.toMatch(/\.url\b|\.headers\b/);
  expect(listeners.match(/\.on\('\w+'/g)).toEqual([".on('upgrade'"]);
});

test('every route of the server that no operation made has a row, and every row has a route', () => {
  const rows = routeMatrix.map(({ route }) => route).filter((route) => !isOfProvider(route));
  expect(rows.toSorted()).toEqual(world.product.product.http.knownRoutes.outsideContract());
  expect(Object.keys(routeRequests).toSorted()).toEqual(routeMatrix.map(({ route }) => route).toSorted());
});

test('every address that the OpenID provider tells of has a row', async () => {
  const { json } = await world.product.send({ path: '/oidc/.well-known/openid-configuration' });
  const told = Object.entries(json)
    .filter(([name]) => /_endpoint$|^jwks_uri$/.test(name))
    .map(([, url]) => new URL(String(url)).pathname);
  expect(told.length).toBeGreaterThan(6);
  const known = routeMatrix.map(({ route }) => route.split(' ')[1]);
  expect(told.filter((path) => !known.includes(path))).toEqual([]);
});

/** They lie behind one route of the server. */
function isOfProvider(route: string): boolean {
  return / \/oidc\/(?!interaction\/|\*)/.test(route);
}
