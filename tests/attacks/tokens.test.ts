import { createHmac, generateKeyPairSync, sign } from 'node:crypto';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { exchange, type Answer, type Sent } from './exchange.ts';
import { startProduct, type Attacked, type Tenant } from './start-product.ts';

/** Forged, foreign and mangled tokens, at the API and at the clusters' door of the running product. */
let product: Attacked;
let ann: Tenant;
let eve: Tenant;

beforeAll(async () => {
  product = await startProduct();
  [ann, eve] = await Promise.all([product.tenant('ann'), product.tenant('eve')]);
});
afterAll(() => product[Symbol.asyncDispose]());

const text = (value: unknown): string => Buffer.from(JSON.stringify(value)).toString('base64url');
const partsOf = (
  token: string,
): [header: Record<string, unknown>, payload: Record<string, unknown>, signature: string] => {
  const [header = '', payload = '', signature = ''] = token.split('.');
  return [
    JSON.parse(Buffer.from(header, 'base64url').toString()),
    JSON.parse(Buffer.from(payload, 'base64url').toString()),
    signature,
  ];
};

const doors: Record<string, { genuine(): string; knock(token: string): Promise<Answer> }> = {
  'the API': {
    genuine: () => ann.access,
    knock: (token) => product.send({ path: '/api/v1/workspaces', token }),
  },
  'a cluster': {
    genuine: () => ann.kubeToken,
    knock: (token) => product.kube(ann.workspaceId, { path: '/api/v1/namespaces', token }),
  },
};

describe.each(Object.entries(doors))('forged tokens at %s', (_name, door) => {
  test('B06 forged tokens are refused, the genuine one is not', async () => {
    const genuine = door.genuine();
    const [header, payload, signature] = partsOf(genuine);
    const jwks = await exchange(product.gateway, { path: '/oidc/jwks' });
    expect(jwks.status).toBe(200);
    const published = JSON.stringify(jwks.json['keys'][0]);
    const { privateKey, publicKey } = generateKeyPairSync('rsa', { modulusLength: 2048 });
    const signedByUs = (head: object, body: object) => {
      const input = `${text(head)}.${text(body)}`;
      return `${input}.${sign('sha256', Buffer.from(input), privateKey).toString('base64url')}`;
    };
    const hmac = (secret: string) => {
      const input = `${text({ ...header, alg: 'HS256' })}.${text(payload)}`;
      return `${input}.${createHmac('sha256', secret).update(input).digest('base64url')}`;
    };
    const jwk = publicKey.export({ format: 'jwk' });
    const forged = {
      'alg none': `${text({ ...header, alg: 'none' })}.${text(payload)}.`,
      'alg None': `${text({ ...header, alg: 'None' })}.${text(payload)}.${signature}`,
      'HS256 with the public key': hmac(published),
      'HS256 with its modulus': hmac(String(jwks.json['keys'][0].n)),
      'another key under our kid': signedByUs(header, payload),
      'a key in the header': signedByUs({ ...header, jwk }, payload),
      'an address of keys in the header': signedByUs(
        { ...header, kid: 'evil', jku: `${product.api.url}/jwks` },
        payload,
      ),
      'a critical header': signedByUs({ ...header, crit: ['exp'] }, payload),
      'a path as kid': signedByUs({ ...header, kid: '../../../dev/null' }, payload),
      'other claims under the same signature': `${text(header)}.${text({ ...payload, sub: eve.userId, uid: eve.userId })}.${signature}`,
      'a later end': `${text(header)}.${text({ ...payload, exp: 9_999_999_999 })}.${signature}`,
      'no audience': `${text(header)}.${text({ ...payload, aud: undefined })}.${signature}`,
      'groups of one’s own': `${text(header)}.${text({ ...payload, groups: ['system:masters'] })}.${signature}`,
    };
    for (const [name, token] of Object.entries(forged)) {
      expect([name, (await door.knock(token)).status]).toEqual([name, 401]);
    }
    expect((await door.knock(genuine)).status).toBe(200);
  });

  test('B17 empty, cut, padded and doubled tokens are refused', async () => {
    const genuine = door.genuine();
    const mangled = ['', ' ', '.', '..', 'null', genuine.slice(0, -1), genuine.slice(1), `${genuine}=`, `${genuine}.`, `${genuine}.${genuine}`, `${genuine},${genuine}`, genuine.split('.').slice(0, 2).join('.'), genuine.replaceAll('.', ' '), genuine.toUpperCase(), 'a'.repeat(9_000)]; // prettier-ignore
    for (const token of mangled)
      expect([token.slice(-20), (await door.knock(token)).status]).toEqual([token.slice(-20), 401]);
  });

  test('A15 magic words and other kinds of credentials are refused', async () => {
    for (const token of [
      'internal_x',
      'ai_agent_x',
      'dev_token_x',
      'dev_token_admin',
      'admin',
      'system:masters',
      ann.refresh,
      ann.userId,
      ann.workspaceId,
    ]) {
      expect([token.slice(0, 12), (await door.knock(token)).status]).toEqual([token.slice(0, 12), 401]);
    }
  });
});

describe('internal addresses', () => {
  test('A15 internal addresses are not on either public port', async () => {
    const paths = [
      '/internal',
      '/internal/v1/nodes',
      '/debug/pprof',
      '/admin',
      '/api/internal',
      '/api/v1/internal/metrics',
      '/.env',
      '/.git/config',
      '/actuator',
      '/server-status',
      '/oidc/registration',
      '/oidc/introspect',
    ];
    for (const server of [product.api, product.gateway]) {
      for (const path of paths)
        expect([path, (await exchange(server, { path, token: ann.access })).status]).toEqual([path, 404]);
    }
  });
});

describe('a token at another door', () => {
  test('B07 a token at another door is refused: another workspace’s, the API’s at a cluster, a cluster’s at the API', async () => {
    const second = await product.activeWorkspace(ann, 'second of ann');
    const at = (workspace: string, token: string) => product.kube(workspace, { path: '/version', token });
    const tried = [
      await at(second.id, ann.kubeToken),
      await at(second.slug, ann.kubeToken),
      await at(eve.workspaceId, ann.kubeToken),
      await at(ann.workspaceId, ann.access),
      await at(ann.workspaceId, await product.kubeToken(ann, second.id)),
      await product.send({ path: '/api/v1/workspaces', token: ann.kubeToken }),
      await product.send({ path: '/auth/me', token: ann.kubeToken }),
      await product.send({ method: 'POST', path: '/auth/logout', token: ann.kubeToken }),
      await product.send({
        method: 'POST',
        path: `/api/v1/workspaces/${ann.workspaceId}/kube-token`,
        token: ann.kubeToken,
      }),
      await exchange(product.gateway, { path: '/api/v1/events/stream', token: ann.kubeToken }),
    ];
    expect(tried.map(({ status }, index) => [index, status])).toEqual(tried.map((_, index) => [index, 401]));
    for (const wrong of [ann.kubeToken, ann.access, 'x']) {
      const refreshed = await product.send({
        method: 'POST',
        path: '/auth/refresh',
        body: { refresh_token: wrong },
      });
      expect([400, 401]).toContain(refreshed.status);
      expect(refreshed.text).not.toContain('access_token');
    }
    expect((await at(ann.workspaceId, ann.kubeToken)).status).toBe(200);
    expect((await ann.call('GET', '/api/v1/workspaces')).status).toBe(200);
  });
});

describe('headers that claim to be somebody', () => {
  const claims = [
    ['X-User-Id', 'owner'],
    ['X-Forwarded-User', 'owner@hexabase.local'],
    ['X_User_Id', 'owner'],
    ['X-Auth-Request-Email', 'owner@hexabase.local'],
    ['X-Remote-User', 'root'],
    ['X-Original-URL', '/api/v1/workspaces'],
    ['X-Rewrite-URL', '/api/v1/workspaces'],
    ['Forwarded', 'for=127.0.0.1;host=localhost;proto=https'],
    ['X-HTTP-Method-Override', 'DELETE'],
  ];

  test.each(claims)('A17 the header %s: %s changes nothing', async (...headers) => {
    expect((await product.send({ path: '/api/v1/workspaces', headers })).status).toBe(401);
    const asEve = await product.send({ path: '/auth/me', token: eve.access, headers });
    expect(asEve.text).toContain(eve.email);
    expect((await product.kube(ann.workspaceId, { path: '/version', headers })).status).toBe(401);
  });

  test('A17 forwarded addresses and hosts reach neither the audit log nor what we write', async () => {
    const headers = [
      'X-Forwarded-For',
      '203.0.113.9',
      'X-Forwarded-Host',
      'evil.example',
      'X-Forwarded-Proto',
      'http',
      'X-Real-IP',
      '203.0.113.9',
    ];
    const sent: Sent = {
      path: `/api/v1/workspaces/${eve.workspaceId}/kubeconfig`,
      token: eve.access,
      headers,
    };
    expect((await product.send(sent)).text).not.toMatch(/evil\.example|203\.0\.113/);
    const discovery = await exchange(product.gateway, {
      path: '/oidc/.well-known/openid-configuration',
      headers,
    });
    expect(discovery.json['issuer']).toBe(`${product.gateway.url}/oidc`);
    expect(discovery.text).not.toContain('evil.example');
    await eve.call('PATCH', `/api/v1/workspaces/${eve.workspaceId}`, { description: 'x' }, headers);
    const [audit] = await product.query('select json_agg(a)::text as log from audit_entries a');
    expect(audit?.['log']).not.toMatch(/203\.0\.113|evil\.example/);
    const evil = ['Host', 'evil.example'];
    for (const server of [product.api, product.gateway]) {
      for (const path of ['/oidc/.well-known/openid-configuration', '/api/v1/plans', '/metrics', '/'])
        expect((await exchange(server, { path, headers: evil })).status).toBe(400);
      // Kubelets ask these at the address of a pod: they tell of nobody.
      for (const path of ['/health', '/ready'])
        expect((await exchange(server, { path, headers: evil })).text).toMatch(
          /^{"status":"(healthy|ready)"}$/,
        );
    }
  });
});
