import { createServer, request as httpRequest } from 'node:http';
import { systemClock } from '@hexabase/kernel/clock.ts';
import { AppError } from '@hexabase/kernel/errors.ts';
import { newId } from '@hexabase/kernel/id.ts';
import type { KubeAccess } from '@hexabase/oidc/kube-access.ts';
import { once } from 'node:events';
import { expect, it } from 'vitest';
import { createAdmission } from './admit.ts';
import { Refusal } from './refusal.ts';
import { requireOneHost } from './request-headers.ts';

const id = newId<'Workspace'>();
const payload = Buffer.from(JSON.stringify({ aud: `ws:${id}` })).toString('base64url');

/** Asks over HTTP, and answers with the status and how often the database was asked for a workspace. */
async function ask(token: string, name: string): Promise<{ status: number; looks: number }> {
  let looks = 0;
  const access: Pick<KubeAccess, 'verify' | 'findWorkspace' | 'session'> = {
    verify: async (given, workspaceId) => {
      if (given !== `good.${payload}.signed` || workspaceId !== id) throw new AppError('unauthenticated');
      const times = { iat: 0, exp: 9_999_999_999 };
      const kind = { typ: 'kube', email_verified: true } as const;
      return {
        iss: '',
        sub: 'ada',
        aud: `ws:${id}`,
        sid: 's',
        ep: 1,
        email: '',
        groups: [],
        jti: '',
        ...times,
        ...kind,
      };
    },
    findWorkspace: async (idOrSlug) => {
      looks += 1;
      return idOrSlug === 'mine' || idOrSlug === id
        ? { id, organizationId: 'acme', servable: true, asleep: false }
        : null;
    },
    session: async () => ({ epoch: 1, withheld: [] }),
  };
  const admission = createAdmission(access, systemClock);
  const server = createServer((request, response) => {
    const status = (error: unknown) => (error instanceof Refusal ? error.status : 500);
    admission.admit(request, name).then(
      () => response.writeHead(200).end(),
      (error: unknown) => response.writeHead(status(error)).end(),
    );
  }).listen(0, '127.0.0.1');
  await once(server, 'listening');
  const address = server.address();
  const port = address !== null && typeof address === 'object' ? address.port : 0;
  const headers = { authorization: `Bearer ${token}` };
  const [answer] = await once(
    httpRequest({ host: '127.0.0.1', port, headers, agent: false }).end(),
    'response',
  );
  server.closeAllConnections();
  server.close();
  return { status: answer.statusCode, looks };
}

it.each([
  ['a forged token', `forged.${payload}.x`],
  ['no claims', 'a.b.c'],
  ['no token of this kind', 'x'],
])('who comes with %s makes nobody look for the name of a workspace', async (_what, token) => {
  expect(await ask(token, 'some-name')).toEqual({ status: 401, looks: 0 });
});

it('who has a token is let in by its workspace’s name and by no other', async () => {
  const token = `good.${payload}.signed`;
  expect(await ask(token, 'mine')).toMatchObject({ status: 200 });
  expect(await ask(token, 'other')).toMatchObject({ status: 401 });
});

it.each([
  [['Host', 'a'], 'a'],
  [['Host', 'a', 'host', 'a'], 400],
  [['Host', 'a', 'X-Other', 'b', 'HOST', 'c'], 400],
])('a request has one Host: %j', async (headers, expected) => {
  let found: unknown;
  const server = createServer((request, response) => {
    try {
      found = requireOneHost(request.rawHeaders);
    } catch (error) {
      found = error instanceof Refusal ? error.status : error;
    }
    response.end();
  }).listen(0, '127.0.0.1');
  await once(server, 'listening');
  const address = server.address();
  const port = address !== null && typeof address === 'object' ? address.port : 0;
  await once(httpRequest({ host: '127.0.0.1', port, headers, agent: false }).end(), 'response');
  server.closeAllConnections();
  server.close();
  expect(found).toBe(expected);
});
