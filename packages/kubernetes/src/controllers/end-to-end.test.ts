import { afterAll, beforeAll, expect, it } from 'vitest';
import { openKubernetes } from '../open-kubernetes.ts';
import type { InProcessRequest, Kubernetes } from '../types.ts';
import { twoNodes } from './testing/test-cluster.ts';

let kubernetes: Kubernetes;

beforeAll(async () => {
  const authenticatorOf = () => () => Promise.resolve(null);
  kubernetes = openKubernetes({ authenticatorOf, caCertificate: 'test', timeScale: 0.01 });
  await kubernetes.ensureCluster('one', { authorization: 'RBAC', nodes: twoNodes, basePath: '' });
});

afterAll(() => kubernetes[Symbol.asyncDispose]());

interface Body {
  status?: Record<string, unknown>;
  metadata: { name: string; annotations?: Record<string, string> };
  items: Body[];
}

async function request(
  method: InProcessRequest['method'],
  path: string,
  body?: unknown,
): Promise<{ status: number; body: Body }> {
  const contentType = method === 'PATCH' ? 'application/strategic-merge-patch+json' : 'application/json';
  const answer = await kubernetes.request('one', {
    method,
    path,
    contentType,
    ...(body !== undefined && { body }),
  });
  return { status: answer.status, body: answer.body as Body };
}

const deployments = '/apis/apps/v1/namespaces/team/deployments';
const status = async () => (await request('GET', `${deployments}/web`)).body.status;
const count = async (path: string) => (await request('GET', path)).body.items.length;
const setImage = (image: string) =>
  request('PATCH', `${deployments}/web`, {
    spec: { template: { spec: { containers: [{ name: 'web', image }] } } },
  });

/** Asks until the answer is as wanted; the test's own time limit is the end of patience. */
async function until<T>(ask: () => Promise<T>, isWanted: (answer: T) => boolean): Promise<T> {
  for (;;) {
    const answer = await ask();
    if (isWanted(answer)) return answer;
    await new Promise((resolve) => setTimeout(resolve, 20));
  }
}

it(
  'a Deployment goes through its whole life over the API and leaves nothing',
  { timeout: 30_000 },
  async () => {
    await request('POST', '/api/v1/namespaces', {
      apiVersion: 'v1',
      kind: 'Namespace',
      metadata: { name: 'team' },
    });
    await until(
      () => request('GET', '/api/v1/namespaces/team/serviceaccounts/default'),
      (answer) => answer.status === 200,
    );
    const made = await request('POST', deployments, {
      apiVersion: 'apps/v1',
      kind: 'Deployment',
      metadata: { name: 'web' },
      spec: {
        replicas: 2,
        selector: { matchLabels: { app: 'web' } },
        template: {
          metadata: { labels: { app: 'web' } },
          spec: { containers: [{ name: 'web', image: 'nginx:1', ports: [{ containerPort: 80 }] }] },
        },
      },
    });
    expect(made).toMatchObject({ status: 201 });
    await until(status, (now) => now?.['availableReplicas'] === 2);
    await request('POST', '/api/v1/namespaces/team/services', {
      apiVersion: 'v1',
      kind: 'Service',
      metadata: { name: 'web' },
      spec: { selector: { app: 'web' }, ports: [{ port: 80 }] },
    });
    await request('PATCH', `${deployments}/web`, { spec: { replicas: 5 } });
    await until(status, (now) => now?.['availableReplicas'] === 5);
    const slices = '/apis/discovery.k8s.io/v1/namespaces/team/endpointslices';
    await until(
      () => request('GET', slices),
      ({ body }) => JSON.stringify(body).split('"ready":true').length === 6,
    );
    await setImage('nginx:nope');
    await until(
      () => request('GET', '/api/v1/namespaces/team/pods'),
      ({ body }) => JSON.stringify(body).includes('ImagePullBackOff'),
    );
    expect(Number((await status())?.['availableReplicas'])).toBeGreaterThanOrEqual(4);
    await setImage('nginx:1');
    await until(
      status,
      (now) => now?.['updatedReplicas'] === 5 && now['replicas'] === 5 && now['availableReplicas'] === 5,
    );
    await request('DELETE', '/api/v1/namespaces/team');
    await until(
      () => request('GET', '/api/v1/namespaces/team'),
      (answer) => answer.status === 404,
    );
    expect(await count('/api/v1/namespaces/team/pods')).toBe(0);
  },
);

it(
  'a claim of the default class binds, and the StatefulSet that asked for it runs',
  { timeout: 30_000 },
  async () => {
    const made = await request('POST', '/apis/apps/v1/namespaces/default/statefulsets', {
      apiVersion: 'apps/v1',
      kind: 'StatefulSet',
      metadata: { name: 'db' },
      spec: {
        replicas: 2,
        serviceName: 'db',
        selector: { matchLabels: { app: 'db' } },
        template: {
          metadata: { labels: { app: 'db' } },
          spec: { containers: [{ name: 'db', image: 'postgres:17' }] },
        },
        volumeClaimTemplates: [
          {
            metadata: { name: 'data' },
            spec: { accessModes: ['ReadWriteOnce'], resources: { requests: { storage: '1Gi' } } },
          },
        ],
      },
    });
    expect(made).toMatchObject({ status: 201 });
    await until(
      async () => (await request('GET', '/apis/apps/v1/namespaces/default/statefulsets/db')).body.status,
      (now) => now?.['readyReplicas'] === 2,
    );
    const claims = (await request('GET', '/api/v1/namespaces/default/persistentvolumeclaims')).body.items;
    expect(claims.map((claim) => [claim.metadata.name, claim.status?.['phase']])).toEqual([
      ['data-db-0', 'Bound'],
      ['data-db-1', 'Bound'],
    ]);
  },
);

it('a quota shows what its namespace uses', { timeout: 30_000 }, async () => {
  await request('POST', '/api/v1/namespaces/default/resourcequotas', {
    apiVersion: 'v1',
    kind: 'ResourceQuota',
    metadata: { name: 'limits' },
    spec: { hard: { configmaps: '10' } },
  });
  const used = async () =>
    JSON.stringify((await request('GET', '/api/v1/namespaces/default/resourcequotas/limits')).body.status);
  const before = await until(used, (text) => text?.includes('"used"') ?? false);
  await request('POST', '/api/v1/namespaces/default/configmaps', {
    apiVersion: 'v1',
    kind: 'ConfigMap',
    metadata: { name: 'counted' },
  });
  await until(used, (text) => text !== before);
});
