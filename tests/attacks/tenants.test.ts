import { allOperations, pathParameters } from '@hexabase/contract/all-operations.ts';
import { newId } from '@hexabase/kernel/id.ts';
import { until } from '@hexabase/testkit/given.ts';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { addressIn } from '../address-in.ts';
import { validBody } from '../valid-bodies.ts';
import type { Answer } from './exchange.ts';
import { fresh, startProduct, type Attacked, type Tenant } from './start-product.ts';
import { thingsOf } from './things.ts';

/** Two hostile tenants on one installation. What either API refuses by role alone is tried in `tests/api`. */
let product: Attacked;
let ann: Tenant;
let eve: Tenant;
let things: Record<string, string>;
const canary = 'canary-7e57';

beforeAll(async () => {
  product = await startProduct();
  [ann, eve] = await Promise.all([product.tenant('ann'), product.tenant('eve')]);
  things = await thingsOf(product, ann);
  const secret = { metadata: { name: canary }, stringData: { canary } };
  expect((await ann.kube('POST', '/api/v1/namespaces/default/secrets', secret)).status).toBe(201);
});
afterAll(() => product[Symbol.asyncDispose]());

/** What an answer says, without the id of its request. */
const said = ({ status, json }: Answer) => ({ status, error: json['error'] ?? json });

describe('another organization’s owner, at the cluster of a workspace', () => {
  test('A01 another organization’s owner is nobody at the cluster of a workspace, whatever they ask for', async () => {
    for (const path of [
      '/version',
      '/api',
      '/healthz',
      '/api/v1/namespaces',
      `/api/v1/namespaces/default/secrets/${canary}`,
      '/openapi/v3',
      '/metrics',
    ]) {
      for (const method of ['GET', 'POST', 'PUT', 'PATCH', 'DELETE']) {
        for (const workspace of [ann.workspaceId, ann.workspaceSlug]) {
          const answer = await product.kube(workspace, { method, path, token: eve.kubeToken });
          expect([method, path, answer.status]).toEqual([method, path, 401]);
          const absent = await product.kube(newId(), { method, path, token: eve.kubeToken });
          expect(said(answer)).toEqual(said(absent));
        }
      }
    }
    expect((await ann.kube('GET', `/api/v1/namespaces/default/secrets/${canary}`)).status).toBe(200);
  });

  test('A01 another organization’s owner gets no token for a workspace, and no word that it is there', async () => {
    const absent = await eve.call('POST', `/api/v1/workspaces/${newId()}/kube-token`);
    for (const workspace of [ann.workspaceId, ann.workspaceSlug]) {
      expect(said(await eve.call('POST', `/api/v1/workspaces/${workspace}/kube-token`))).toEqual(
        said(absent),
      );
    }
    expect(absent.status).toBe(404);
  });
});

describe('every operation, with ids of two tenants mixed', () => {
  const nested = allOperations().filter(
    ({ operation }) => operation.access.kind !== 'platform' && pathParameters(operation.path).length > 0,
  );

  test.each(nested)(
    'A02 $operation.id with ids of two tenants mixed answers as if the other’s were absent',
    async ({ operation }) => {
      const mine: Record<string, string> = { organization: eve.organizationId, workspace: eve.workspaceId };
      const theirs = things;
      const absent = Object.fromEntries(Object.keys(theirs).map((name) => [name, newId()]));
      const keep = operation.body ? validBody(operation, theirs) : undefined;
      const before = await product.fingerprint();
      for (const first of [theirs, mine]) {
        const address = (rest: Record<string, string>) =>
          addressIn(operation, first === mine ? { ...rest, ...mine } : rest);
        if (address(theirs) === address(absent)) continue;
        const tried = await eve.call(operation.method, address(theirs), keep);
        const nothing = await eve.call(operation.method, address(absent), keep);
        expect([address(theirs), said(tried)]).toEqual([address(theirs), said(nothing)]);
        expect(tried.status).toBe(404);
      }
      expect(await product.fingerprint()).toBe(before);
    },
  );
});

describe('a name that another tenant has', () => {
  test('A03 a name that another tenant has makes one’s own: organization, workspace, project and namespace', async () => {
    const organization = await eve.call('POST', '/api/v1/organizations', { name: 'ann and friends' });
    expect(organization.status).toBe(201);
    expect(organization.json['data'].id).not.toBe(ann.organizationId);
    expect(organization.json['data'].slug).not.toBe(ann.organizationSlug);
    const workspace = await eve.call('POST', '/api/v1/workspaces', {
      name: 'ann workspace',
      organization: eve.organizationId,
    });
    expect(workspace.json['data']).toMatchObject({ organizationId: eve.organizationId });
    expect(workspace.json['data'].id).not.toBe(ann.workspaceId);
    expect(workspace.json['data'].slug).not.toBe(ann.workspaceSlug);
    for (const [tenant, value] of [
      [ann, 'of ann'],
      [eve, 'of eve'],
    ] as const) {
      expect((await tenant.kube('POST', '/api/v1/namespaces', { metadata: { name: 'same' } })).status).toBe(
        201,
      );
      const map = { metadata: { name: 'same' }, data: { value } };
      expect((await tenant.kube('POST', '/api/v1/namespaces/same/configmaps', map)).status).toBe(201);
    }
    expect((await ann.kube('GET', '/api/v1/namespaces/same/configmaps/same')).json['data']).toEqual({
      value: 'of ann',
    });
    expect((await eve.kube('GET', '/api/v1/namespaces/same/configmaps/same')).json['data']).toEqual({
      value: 'of eve',
    });
    expect((await eve.kube('DELETE', '/api/v1/namespaces/same')).status).toBe(200);
    expect((await ann.kube('GET', '/api/v1/namespaces/same')).json['status']).toEqual({ phase: 'Active' });
  });
});

describe('names that begin with another tenant’s name', () => {
  test('A04 names that begin with another tenant’s name reach neither its API nor its cluster', async () => {
    const longer = await product.activeWorkspace(eve, `ann workspace ${fresh('twin')}`);
    expect(longer.slug.startsWith(ann.workspaceSlug)).toBe(true);
    const token = await product.kubeToken(eve, longer.id);
    const twins = [
      ann.workspaceSlug,
      ann.workspaceSlug.slice(0, -1),
      ann.workspaceId.slice(0, -1),
      `${ann.workspaceId}0`,
    ];
    for (const twin of twins) {
      expect([twin, (await product.kube(twin, { path: '/api/v1/namespaces', token })).status]).toEqual([
        twin,
        401,
      ]);
      expect([twin, (await eve.call('GET', `/api/v1/workspaces/${twin}`)).status]).toEqual([twin, 404]);
    }
    expect((await eve.call('GET', '/api/v1/workspaces?limit=200')).text).not.toContain(ann.workspaceId);
    expect((await eve.call('DELETE', `/api/v1/workspaces/${longer.id}`)).status).toBe(202);
    await until(async () => (await eve.call('GET', `/api/v1/workspaces/${longer.id}`)).status === 404);
    expect((await ann.kube('GET', `/api/v1/namespaces/default/secrets/${canary}`)).status).toBe(200);
  });

  test.each(['ＡＮＮ workspace', 'аnn workspace', 'Ann Workspace', 'ann\u200bworkspace'])(
    'A04 the look-alike name %j reaches nothing of the other',
    async (name) => {
      const made = await eve.call('POST', '/api/v1/workspaces', { name, organization: eve.organizationId });
      if (made.status >= 400) expect(made.status).toBe(400);
      else expect(made.json['data'].slug).not.toBe(ann.workspaceSlug);
      const named = await eve.call('GET', `/api/v1/workspaces/${encodeURIComponent(name)}`);
      expect(named.text).not.toContain(ann.workspaceId);
      expect(named.status).toBe(404);
    },
  );
});

describe('whether something exists', () => {
  test('A12 whether something exists cannot be told from signing in or asking for a slug', async () => {
    const login = (email: string) =>
      product.send({ method: 'POST', path: '/auth/login', body: { email, password: 'not the password' } });
    expect(said(await login(ann.email))).toEqual(said(await login(`${fresh('nobody')}@example.test`)));
    const theirs = await eve.call('GET', `/api/v1/organizations/${ann.organizationSlug}`);
    expect(said(theirs)).toEqual(said(await eve.call('GET', `/api/v1/organizations/${fresh('no-such')}`)));
    const filtered = await eve.call('GET', `/api/v1/workspaces?organization=${ann.organizationSlug}`);
    expect(said(filtered)).toEqual(
      said(await eve.call('GET', `/api/v1/workspaces?organization=${fresh('no-such')}`)),
    );
    const subject = await eve.call('GET', `/api/v1/operations?subject=workspace/${ann.workspaceId}`);
    const nothing = await eve.call('GET', `/api/v1/operations?subject=workspace/${newId()}`);
    expect({ ...subject.json['meta'], requestId: '' }).toEqual({ ...nothing.json['meta'], requestId: '' });
  });
});

describe('what was deleted', () => {
  test('A13 what was deleted is absent at once and for good: workspace, cluster, token and project', async () => {
    const made = await product.activeWorkspace(ann, fresh('short-lived'));
    const token = await product.kubeToken(ann, made.id);
    expect((await product.kube(made.id, { path: '/version', token })).status).toBe(200);
    expect((await ann.call('DELETE', `/api/v1/workspaces/${made.id}`)).status).toBe(202);
    await until(async () => (await ann.call('GET', `/api/v1/workspaces/${made.id}`)).status === 404);
    await until(async () => (await product.kube(made.id, { path: '/version', token })).status === 404);
    for (const [method, suffix] of [
      ['PATCH', ''],
      ['DELETE', ''],
      ['POST', '/retry'],
      ['POST', '/kube-token'],
      ['GET', '/kubeconfig'],
      ['GET', '/projects'],
    ] as const) {
      const answer = await ann.call(
        method,
        `/api/v1/workspaces/${made.id}${suffix}`,
        method === 'PATCH' ? { description: 'x' } : undefined,
      );
      expect([method, suffix, answer.status]).toEqual([method, suffix, 404]);
    }
    const again = await product.activeWorkspace(ann, made.slug);
    expect(again.id).not.toBe(made.id);
    expect((await product.kube(again.id, { path: '/version', token })).status).toBe(401);
  });

  test('A13 what was refused never came to be', async () => {
    const slug = fresh('refused');
    expect(
      (await eve.call('POST', '/api/v1/workspaces', { name: 'x', slug, organization: eve.organizationId }))
        .status,
    ).toBe(400);
    expect((await eve.call('GET', `/api/v1/workspaces/${slug}`)).status).toBe(404);
    expect(await product.query('select 1 from workspaces where slug = $1', [slug])).toEqual([]);
  });
});
