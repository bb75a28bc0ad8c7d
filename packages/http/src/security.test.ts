import Fastify, { type FastifyInstance } from 'fastify';
import { beforeAll, describe, expect, it } from 'vitest';
import { sendError } from './request-errors.ts';
import { silentLogger } from '@hexabase/kernel/log.ts';
import { requireOwnPage, setSecurityHeaders } from './security.ts';

const issuer = new URL('https://hexabase.example/oidc');
let app: FastifyInstance;

beforeAll(async () => {
  app = Fastify();
  app.setErrorHandler((error, request, reply) => sendError(request, reply, { error, log: silentLogger }));
  app.addHook('onRequest', async (request, reply) => {
    setSecurityHeaders(request, reply, issuer);
    requireOwnPage(request, issuer);
  });
  app.all('/*', async () => 'done');
  await app.ready();
});

const ask = (
  headers: Record<string, string>,
  method: 'GET' | 'POST' | 'DELETE' = 'POST',
  url = '/auth/login',
) => app.inject({ method, url, headers: { host: 'hexabase.example', ...headers } });

describe('strict transport', () => {
  it('is asked for under the public address, also behind a proxy that speaks http to us', async () => {
    expect((await ask({})).headers['strict-transport-security']).toBe('max-age=31536000');
  });

  it('is never asked for on this machine, where http is served', async () => {
    for (const host of ['localhost:8080', '127.0.0.1:8080', '[::1]:8080'])
      expect((await ask({ host })).headers['strict-transport-security']).toBeUndefined();
  });
});

describe('B12 a change', () => {
  it.each([
    { origin: 'https://evil.example' },
    { origin: 'null' },
    { origin: 'http://hexabase.example' },
    { origin: 'https://hexabase.example:8443' },
    { origin: 'https://hexabase.example.evil.example' },
    { origin: 'https://hexabase.example', 'sec-fetch-site': 'cross-site' },
    { 'sec-fetch-site': 'cross-site' },
  ])('is refused from %j', async (headers) => {
    expect((await ask(headers)).statusCode).toBe(403);
    expect((await ask(headers, 'DELETE')).statusCode).toBe(403);
    expect((await ask(headers, 'GET')).statusCode).toBe(200);
  });

  it('is taken from our own pages and from programs', async () => {
    expect(
      (await ask({ origin: 'https://hexabase.example', 'sec-fetch-site': 'same-origin' })).statusCode,
    ).toBe(200);
    expect((await ask({})).statusCode).toBe(200);
    expect((await ask({ host: 'localhost:8080', origin: 'http://localhost:8080' })).statusCode).toBe(200);
  });

  it('at the token endpoint of the provider is judged by the provider', async () => {
    expect((await ask({ origin: 'https://app.example' }, 'POST', '/oidc/token')).statusCode).toBe(200);
  });
});
