import { allOperations } from '@hexabase/contract/all-operations.ts';
import { until } from '@hexabase/testkit/given.ts';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { addressIn } from '../address-in.ts';
import { validBody } from '../valid-bodies.ts';
import { startProduct, type Attacked, type Tenant } from './start-product.ts';
import { thingsOf } from './things.ts';

/** What a tenant smuggles into requests that are their own to make. */
let product: Attacked;
let ann: Tenant;
let targets: Record<string, string>;

beforeAll(async () => {
  product = await startProduct();
  ann = await product.tenant('ann');
  targets = await thingsOf(product, ann);
});
afterAll(() => product[Symbol.asyncDispose]());

const writes = allOperations().filter(
  ({ operation }) => operation.body && operation.access.kind !== 'platform',
);
const lists = allOperations().filter(
  ({ operation }) => operation.query && operation.method === 'GET' && operation.access.kind !== 'platform',
);

const hidden = ['id', 'uid', 'organization_id', 'organizationId', 'owner', 'ownerId', 'userId', 'is_admin', 'isAdmin', 'platformRole', 'platform_role', 'phase', 'fence', 'generation', 'observedGeneration', 'conditions', 'quota', 'epoch', 'finalizers', 'deletedAt', 'deletionRequestedAt', 'operationId', 'constructor', 'prototype']; // prettier-ignore

describe('fields that are not the caller’s to set', () => {
  test.each(writes)(
    'A05 fields that are not the caller’s to set are refused by $operation.id, and nothing is changed',
    async ({ operation }) => {
      const body = validBody(operation, targets);
      const before = await product.fingerprint();
      for (const field of hidden.filter((name) => !(name in body))) {
        const answer = await ann.call(operation.method, addressIn(operation, targets), {
          ...body,
          [field]: 'root',
        });
        expect([field, answer.status, answer.json['error']?.code]).toEqual([field, 400, 'unknown_field']);
      }
      const polluted = JSON.stringify(body).replace('{', '{"__proto__":{"plan":"enterprise"},');
      expect((await ann.call(operation.method, addressIn(operation, targets), polluted)).status).toBe(400);
      expect(await product.fingerprint()).toBe(before);
    },
  );

  test('A05 a field given twice does not get past the check with its first value', async () => {
    const before = await product.fingerprint();
    const twice = await ann.call(
      'PATCH',
      `/api/v1/organizations/${ann.organizationId}/members/${targets['userId']}`,
      '{"role":"viewer","role":"root"}',
    );
    expect(twice.status).toBe(400);
    expect(await product.fingerprint()).toBe(before);
  });
});

describe('filters and sorts', () => {
  const tries = ['sort=password_hash', 'sort=fence', 'sort=epoch', 'sort=-organization_id', 'sort=name,fence', 'sort=name%3Bdrop%20table%20users', "sort=name'--", 'sort=constructor', 'sort=__proto__', 'sort[$ne]=1', 'sort[]=fence', 'sort=name&sort=fence', 'where=1%3D1', 'fields=fence', 'organizationId[$gt]=', 'phase[$ne]=x', "q=%27%20or%201%3D1--"]; // prettier-ignore

  test.each(lists)(
    'A06 filters and sorts of $operation.id take only what is public',
    async ({ operation }) => {
      for (const query of tries) {
        const answer = await ann.call('GET', `${addressIn(operation, targets)}?${query}`);
        expect([query, answer.status]).toEqual([query, 400]);
        expect(answer.text).not.toMatch(/column|relation|syntax|pg_|kysely/i);
      }
    },
  );
});

describe('where a list goes on', () => {
  test.each(lists)(
    'A07 where a list goes on is not taken from the caller’s word in $operation.id',
    async ({ operation }) => {
      for (const query of [
        'page=0',
        'page=-1',
        'page=1.5',
        'page=1e99',
        'page=99999999999999999999',
        'page=1%20union%20select',
        'page=NaN',
        'limit=1e3',
        'limit=-5',
        'limit=100000',
        'cursor=eyJpZCI6MX0',
        'offset=5',
        'after=x',
      ]) {
        const answer = await ann.call('GET', `${addressIn(operation, targets)}?${query}`);
        expect([query, answer.status]).toEqual([query, 400]);
      }
    },
  );

  test('A07 a continue token of Kubernetes that was forged, edited or is another workspace’s gives nothing of others', async () => {
    const eve = await product.tenant('eve');
    for (const tenant of [ann, eve]) {
      for (const n of [1, 2, 3])
        await tenant.kube('POST', '/api/v1/namespaces/default/configmaps', {
          metadata: { name: `of-${tenant === ann ? 'ann' : 'eve'}-${n}` },
        });
    }
    const page = await ann.kube('GET', '/api/v1/namespaces/default/configmaps?limit=1');
    const token = String(page.json['metadata'].continue);
    expect(token.length).toBeGreaterThan(10);
    const foreign = await eve.kube(
      'GET',
      `/api/v1/namespaces/default/configmaps?limit=5&continue=${encodeURIComponent(token)}`,
    );
    expect(foreign.text).not.toContain('of-ann');
    const decoded = Buffer.from(token, 'base64url').toString();
    const forged = [
      'x',
      '%00',
      'e30',
      Buffer.from(decoded.replace('default', '../../kube-system')).toString('base64url'),
      `${token}x`,
      token.slice(0, -3),
      Buffer.from(decoded.replace(/\d+/, '99999999')).toString('base64url'),
    ];
    for (const value of forged) {
      const answer = await ann.kube(
        'GET',
        `/api/v1/namespaces/default/configmaps?limit=1&continue=${encodeURIComponent(value)}`,
      );
      expect([
        value,
        [400, 410, 504].includes(answer.status) || !answer.text.includes('kube-system'),
      ]).toEqual([value, true]);
      expect([value, answer.status < 500 || answer.status === 504]).toEqual([value, true]);
    }
  });
});

describe('errors', () => {
  test('C09 errors tell no inner workings, and carry the id of the request', async () => {
    const provoked = [
      await ann.call('GET', `/api/v1/workspaces/${'%F0%9F%92%A9'.repeat(20)}`),
      await ann.call('POST', '/api/v1/workspaces', { name: 'a\u0000b' }),
      await ann.call('POST', '/api/v1/workspaces', { name: '\ud800\ud800\ud800' }),
      await ann.call('PATCH', `/api/v1/workspaces/${ann.workspaceId}`, { description: '\u0000' }),
      await ann.call('POST', '/api/v1/workspaces', { name: 'good name', slug: 'x'.repeat(300) }),
      await ann.call('POST', `/api/v1/organizations/${ann.organizationId}/members`, {
        email: "x'--@example.test",
      }),
      await ann.call('GET', '/api/v1/workspaces', undefined, [
        'Authorization',
        `Bearer ${'x'.repeat(7_000)}`,
      ]),
      await ann.call('GET', '/api/v1/workspaces', undefined, ['If-None-Match', '"'.repeat(500)]),
      await ann.call('PATCH', `/api/v1/workspaces/${ann.workspaceId}`, { description: 'x' }, [
        'If-Match',
        "' or 1=1",
      ]),
      await ann.call('POST', '/api/v1/workspaces', { name: 'good name' }, ['Idempotency-Key', "'; select 1"]),
      await ann.call('GET', `/api/v1/operations?subject=${encodeURIComponent("workspace/' or ''='")}`),
      await ann.call('GET', '/api/v1/operations?subject=%00'),
      await ann.call('GET', '/api/v1/workspaces?organization=%00'),
      await ann.call('POST', '/auth/login', { email: 'a\u0000@example.test', password: '\u0000' }),
      await ann.call('POST', '/auth/login', { email: 'a@example.test', password: 'x', device_id: '\u0000' }),
      await ann.call('POST', '/auth/refresh', { refresh_token: '\u0000' }),
      await ann.call('DELETE', '/api/v1/auth/sessions/%00'),
      await ann.call('GET', '/api/v1/workspaces', undefined, [
        'User-Agent',
        'a\u0001\u00ff'.replace('\u0001', ''),
      ]),
    ];
    for (const answer of provoked) {
      expect(answer.status, answer.text).toBeLessThan(500);
      expect(answer.text).not.toMatch(
        /\.ts:|node_modules|relation "|syntax error|invalid byte|kysely|\n {4}at /i,
      );
      if (answer.status >= 400) expect(answer.json['meta']?.requestId).toBe(answer.headers['x-request-id']);
    }
  });

  test('C09 errors of clusters are Status objects without inner workings', async () => {
    const pods = '/api/v1/namespaces/default/pods';
    const provoked = await Promise.all([
      ann.kube('POST', pods, '{"metadata":'),
      ann.kube('POST', pods, { metadata: { name: '\u0000' } }),
      ann.kube('POST', pods, { metadata: { name: 'x', labels: { a: 1 } } }),
      ann.kube('PATCH', `${pods}/absent`, '[{"op":"nonsense"}]'),
      ann.kube('GET', `${pods}?labelSelector=${encodeURIComponent('((')}`),
      ann.kube('GET', `${pods}?fieldSelector=${encodeURIComponent('spec.secret=1')}`),
      ann.kube('GET', `${pods}?resourceVersion=NaN&watch=true`),
      ann.kube('GET', `${pods}?limit=-1`),
      ann.kube('GET', `${pods}/x/log?tailLines=-5`),
      ann.kube('DELETE', pods, { preconditions: 7 }),
    ]);
    for (const answer of provoked) {
      expect(answer.status, answer.text).toBeLessThan(500);
      expect(answer.text).not.toMatch(/\.ts:|node_modules|relation "|kube\.objects|\n {4}at /i);
      if (answer.status >= 400) expect(answer.json['kind']).toBe('Status');
    }
  });
});

describe.each(['constructor', '__proto__', 'toString'])('a name that every object has: %s', (name) => {
  test('C09 a name that every object has is a name like any other in roles: no fault, and no other meaning', async () => {
    const rules = [{ verbs: [name], apiGroups: [name], resources: [name] }];
    const roles = `/api/v1/workspaces/${ann.workspaceId}/roles`;
    const preview = await ann.call('POST', `${roles}/preview`, { rules });
    expect([preview.status, preview.json['data']?.words], preview.text).toEqual([
      200,
      [`May ${name} ${name}.`],
    ]);
    const made = await ann.call('POST', roles, { name: `r-${crypto.randomUUID().slice(0, 8)}`, rules });
    expect([201, 409, 422], made.text).toContain(made.status);
    const asked = `verb=${name}&resource=${name}.${name}`;
    const explained = await ann.call('GET', `/api/v1/workspaces/${ann.workspaceId}/access?${asked}`);
    expect(explained.status, explained.text).toBeLessThan(500);
  });

  test('C09 a name that every object has is a name like any other in a cluster: no fault', async () => {
    const at = (plural: string) => `/api/v1/namespaces/default/${plural}`;
    const metadata = { name: `n-${crypto.randomUUID().slice(0, 8)}` };
    const secret = await ann.kube('POST', at('secrets'), {
      metadata,
      type: name,
      stringData: { [name]: 'x' },
    });
    expect(secret.status, secret.text).toBe(201);
    const containers = [{ name: 'c', image: 'nginx', resources: { limits: { [name]: '1' } } }];
    const pod = { metadata, spec: { containers, volumes: [{ name: 'v', [name]: {} }] } };
    for (const query of ['', '?fieldValidation=Ignore']) {
      const answer = await ann.kube('POST', `${at('pods')}${query}`, pod);
      expect(answer.status, answer.text).toBeLessThan(500);
    }
  });
});

describe('a limit, with reconcilers at work', () => {
  test('C11 a limit holds when 100 ask at once for the last place, and again after a place became free', async () => {
    const ben = await product.tenant('ben', 'pro');
    for (const n of [1, 2, 3]) await product.activeWorkspace(ben, `Before ${n}`);
    const race = async () => {
      const answers = await Promise.all(
        Array.from({ length: 100 }, (_, n) => ben.call('POST', '/api/v1/workspaces', { name: `Race ${n}` })),
      );
      expect(answers.filter(({ status }) => status === 201)).toHaveLength(1);
      expect(
        new Set(
          answers
            .filter(({ status }) => status !== 201)
            .map(({ status, json }) => `${status} ${json['error'].code}`),
        ),
      ).toEqual(new Set(['409 plan_limit_reached']));
      return String(answers.find(({ status }) => status === 201)?.json['data'].id);
    };
    const winner = await race();
    expect((await ben.call('DELETE', `/api/v1/workspaces/${winner}`)).status).toBe(202);
    await until(async () => (await ben.call('GET', `/api/v1/workspaces/${winner}`)).status === 404);
    await race();
    expect((await ben.call('GET', '/api/v1/workspaces')).json['meta'].total).toBe(5);
  });
});

describe('an Idempotency-Key', () => {
  test('C12 an Idempotency-Key gives nobody another’s answer: not in another organization, not by another person', async () => {
    const [fay, gus] = await Promise.all([product.tenant('fay'), product.tenant('gus')]);
    const headers = ['Idempotency-Key', 'guessable-1'];
    const first = await fay.call('POST', '/api/v1/workspaces', { name: 'Of fay' }, headers);
    const same = await gus.call('POST', '/api/v1/workspaces', { name: 'Of fay' }, headers);
    expect([first.status, same.status]).toEqual([201, 201]);
    expect(same.json['data'].organizationId).toBe(gus.organizationId);
    expect(same.text).not.toContain(first.json['data'].id);
    const other = await fay.call('POST', '/api/v1/workspaces', { name: 'Something else' }, headers);
    expect([other.status, other.json['error'].code]).toEqual([422, 'idempotency_key_reused']);
    expect(other.text).not.toContain(first.json['data'].id);
    const anonymous = await product.send({
      method: 'POST',
      path: '/api/v1/workspaces',
      body: { name: 'Of fay' },
      headers,
    });
    expect(anonymous.status).toBe(401);
  });
});
