import { expect, test } from 'vitest';
import type { TenantClient } from '../port.ts';
import { ContentTooLargeError, type ContentPart } from './content.ts';
import { readContent } from './read-content.ts';

type Json = Record<string, unknown>;

const verbs = ['create', 'list'];
const plurals: Readonly<Record<string, [plural: string, apiVersion: string]>> = {
  Namespace: ['namespaces', 'v1'],
  Pod: ['pods', 'v1'],
  Service: ['services', 'v1'],
  Endpoints: ['endpoints', 'v1'],
  PersistentVolumeClaim: ['persistentvolumeclaims', 'v1'],
  PersistentVolume: ['persistentvolumes', 'v1'],
  ConfigMap: ['configmaps', 'v1'],
  Secret: ['secrets', 'v1'],
  Event: ['events', 'v1'],
  Job: ['jobs', 'batch/v1'],
  ClusterRole: ['clusterroles', 'rbac.authorization.k8s.io/v1'],
  ClusterRoleBinding: ['clusterrolebindings', 'rbac.authorization.k8s.io/v1'],
  CustomResourceDefinition: ['customresourcedefinitions', 'apiextensions.k8s.io/v1'],
  Widget: ['widgets', 'example.test/v1'],
  NodeMetrics: ['nodes', 'metrics.k8s.io/v1beta1'],
};
const clusterScoped = [
  'Namespace',
  'PersistentVolume',
  'ClusterRole',
  'ClusterRoleBinding',
  'CustomResourceDefinition',
];

/** Answers lists as an API server does; what is told of an aggregated API fails the test when it is asked. */
function serving(objects: readonly Json[]): TenantClient {
  const groups = [...new Set(Object.values(plurals).map(([, version]) => version))].filter((one) =>
    one.includes('/'),
  );
  const answer = (path: string): unknown => {
    if (path === '/apis') {
      const all = [...groups, 'apiregistration.k8s.io/v1'];
      return {
        groups: all.map((one) => ({ name: one.split('/')[0], preferredVersion: { groupVersion: one } })),
      };
    }
    if (path.endsWith('/apiservices'))
      return { items: [{ spec: { group: 'metrics.k8s.io', service: { name: 'm' } } }] };
    if (path.includes('metrics.k8s.io')) throw new Error('an aggregated API was asked');
    const version = path.replace(/^\/apis?\//, '');
    const kinds = Object.entries(plurals).filter(([, [, one]]) => one === version);
    if (kinds.length > 0 || version === 'apiregistration.k8s.io/v1')
      return {
        resources: kinds.map(([kind, [name]]) => ({
          kind,
          name,
          verbs,
          namespaced: !clusterScoped.includes(kind),
        })),
      };
    const [kind] = Object.entries(plurals).find(([, [plural]]) => version.endsWith(`/${plural}`)) ?? [];
    return { metadata: { resourceVersion: '7' }, items: objects.filter((object) => object['kind'] === kind) };
  };
  return { request: async ({ path }) => ({ status: 200, body: answer(path.replace(/\?.*/, '')) }) };
}

async function readPlain(client: TenantClient, packedCharactersMax = Infinity) {
  const pack = async (text: string) => text;
  return readContent({ client, signal: AbortSignal.timeout(30_000), pack, packedCharactersMax });
}

async function copyOf(...objects: Json[]) {
  const shop = { kind: 'Namespace', metadata: { name: 'shop' } };
  const { leftOut, parts } = await readPlain(serving([shop, ...objects]));
  const read = parts.map((text): ContentPart => JSON.parse(text));
  const batches = read.flatMap((part) => ('objects' in part ? [part.objects] : []));
  return { leftOut, batches, objects: batches.flat() };
}

const inShop = (name: string, more: Json = {}) => ({ name, namespace: 'shop', ...more });
const named = (content: Awaited<ReturnType<typeof copyOf>>, kind: string) =>
  content.objects.filter(({ object }) => object.kind === kind).map(({ object }) => object);

test('a service keeps its ports and loses its addresses; one without an address stays without', async () => {
  const spec = {
    clusterIP: '10.0.0.7',
    clusterIPs: ['10.0.0.7'],
    type: 'NodePort',
    ports: [{ port: 80, nodePort: 30080 }],
  };
  const content = await copyOf(
    { kind: 'Service', metadata: inShop('web'), spec, status: { loadBalancer: {} } },
    { kind: 'Service', metadata: inShop('peers'), spec: { clusterIP: 'None', clusterIPs: ['None'] } },
  );
  expect(named(content, 'Service')).toEqual([
    {
      apiVersion: 'v1',
      kind: 'Service',
      metadata: inShop('web'),
      spec: { type: 'NodePort', ports: [{ port: 80 }] },
    },
    { apiVersion: 'v1', kind: 'Service', metadata: inShop('peers'), spec: { clusterIP: 'None' } },
  ]);
});

test('what controllers make from other objects is left to them; what people made of the same kind is copied', async () => {
  const owner = { apiVersion: 'apps/v1', kind: 'ReplicaSet', name: 'web', uid: '1', controller: true };
  const content = await copyOf(
    { kind: 'Pod', metadata: inShop('web-1', { ownerReferences: [owner] }), spec: {} },
    {
      kind: 'Pod',
      metadata: inShop('mine', { uid: '2', resourceVersion: '3' }),
      spec: {
        nodeName: 'node-1',
        serviceAccountName: 'default',
        volumes: [{ name: 'kube-api-access-x' }, { name: 'mine' }],
        containers: [{ name: 'c', volumeMounts: [{ name: 'kube-api-access-x' }, { name: 'mine' }] }],
      },
      status: { phase: 'Running' },
    },
    { kind: 'Pod', metadata: inShop('over'), spec: {}, status: { phase: 'Succeeded' } },
    { kind: 'Service', metadata: inShop('web'), spec: { selector: { app: 'web' } } },
    { kind: 'Endpoints', metadata: inShop('web') },
    { kind: 'Endpoints', metadata: inShop('outside') },
  );
  expect(named(content, 'Pod')).toEqual([
    {
      apiVersion: 'v1',
      kind: 'Pod',
      metadata: inShop('mine'),
      spec: {
        serviceAccountName: 'default',
        volumes: [{ name: 'mine' }],
        containers: [{ name: 'c', volumeMounts: [{ name: 'mine' }] }],
      },
    },
  ]);
  expect(named(content, 'Endpoints').map(({ metadata }) => metadata.name)).toEqual(['outside']);
  expect(content.leftOut).toEqual([{ what: 'finished pods', count: 1 }]);
});

test('a finished job does not run again, and one that runs is begun anew', async () => {
  const labels = { 'batch.kubernetes.io/controller-uid': '1', app: 'once' };
  const spec = {
    selector: { matchLabels: { 'batch.kubernetes.io/controller-uid': '1' } },
    template: { metadata: { labels } },
  };
  const content = await copyOf(
    {
      kind: 'Job',
      metadata: inShop('over'),
      spec,
      status: { conditions: [{ type: 'Complete', status: 'True' }] },
    },
    { kind: 'Job', metadata: inShop('now'), spec, status: { active: 1 } },
  );
  expect(named(content, 'Job')).toEqual([
    {
      apiVersion: 'batch/v1',
      kind: 'Job',
      metadata: inShop('now'),
      spec: { template: { metadata: { labels: { app: 'once' } } } },
    },
  ]);
  expect(content.leftOut).toEqual([{ what: 'finished jobs', count: 1 }]);
});

test('what a load balancer or a network of the host has given to the source is not asked for by the copy', async () => {
  const given = {
    'metallb.universe.tf/ip-allocated-from-pool': 'public',
    'metallb.io/ip-allocated-from-pool': 'public',
    'kubernetes.digitalocean.com/load-balancer-id': '0123',
    'kube-vip.io/vipHost': 'worker-1',
  };
  const chosen = { 'metallb.io/address-pool': 'office', 'prometheus.io/scrape': 'true' };
  const content = await copyOf(
    { kind: 'Service', metadata: inShop('web', { annotations: { ...given, ...chosen } }), spec: {} },
    {
      kind: 'Pod',
      metadata: inShop('alone', { annotations: { 'cni.projectcalico.org/podIP': '10.244.0.9/32' } }),
      spec: { containers: [] },
    },
  );
  expect(named(content, 'Service')).toMatchObject([{ metadata: inShop('web', { annotations: chosen }) }]);
  expect(named(content, 'Pod')[0]).toMatchObject({ metadata: inShop('alone') });
  expect(JSON.stringify(named(content, 'Pod'))).not.toContain('projectcalico');
  expect(JSON.stringify(named(content, 'Service'))).not.toMatch(/allocated|load-balancer-id|vipHost/);
});

test('a claim is copied unbound, its volume is not, and that is told', async () => {
  const annotations = { 'pv.kubernetes.io/bind-completed': 'yes', team: 'blue' };
  const content = await copyOf(
    {
      kind: 'PersistentVolumeClaim',
      metadata: inShop('data', { annotations }),
      spec: { volumeName: 'pv-1', accessModes: [] },
    },
    { kind: 'PersistentVolume', metadata: { name: 'pv-1' }, spec: {} },
  );
  expect(named(content, 'PersistentVolumeClaim')).toMatchObject([
    { metadata: inShop('data', { annotations: { team: 'blue' } }), spec: { accessModes: [] } },
  ]);
  expect(JSON.stringify(content.objects)).not.toContain('pv-1');
  expect(content.leftOut[0]?.what).toBe('persistent volumes, which claims get anew');
});

test('what belongs to the system, to the product or to the source as a project stays there', async () => {
  const ours = { 'app.kubernetes.io/managed-by': 'hexabase' };
  const projectLabels = {
    'hexabase.ai/project-id': 'p',
    'workspace-id': 'w',
    'project-name': 'lab',
    team: 'blue',
  };
  const content = await copyOf(
    { kind: 'Namespace', metadata: { name: 'lab', labels: projectLabels } },
    { kind: 'Namespace', metadata: { name: 'kube-system' } },
    { kind: 'Namespace', metadata: { name: 'leaving', deletionTimestamp: 'now' } },
    { kind: 'ConfigMap', metadata: { name: 'a', namespace: 'kube-system' } },
    { kind: 'ConfigMap', metadata: { name: 'b', namespace: 'leaving' } },
    { kind: 'ConfigMap', metadata: inShop('kube-root-ca.crt') },
    { kind: 'ConfigMap', metadata: inShop('mine', { labels: ours }) },
    { kind: 'Event', metadata: inShop('e') },
    { kind: 'ClusterRole', metadata: { name: 'hexabase:workspace-viewer', labels: ours } },
    { kind: 'ClusterRole', metadata: { name: 'system:node' } },
    {
      kind: 'ClusterRole',
      metadata: { name: 'edit', labels: { 'kubernetes.io/bootstrapping': 'rbac-defaults' } },
    },
    { kind: 'ClusterRole', metadata: { name: 'sum' }, aggregationRule: {}, rules: [{ verbs: ['get'] }] },
  );
  expect(content.objects.map(({ object }) => `${object.kind} ${object.metadata.name}`).sort()).toEqual([
    'ClusterRole sum',
    'ConfigMap mine',
    'Namespace lab',
    'Namespace shop',
  ]);
  expect(named(content, 'Namespace')[1]?.metadata).toEqual({ name: 'lab', labels: { team: 'blue' } });
  expect(named(content, 'ClusterRole')).toMatchObject([{ rules: [] }]);
});

test('bindings keep service accounts and groups of Kubernetes, and nobody else', async () => {
  const roleRef = { kind: 'ClusterRole', name: 'edit' };
  const people = { kind: 'User', name: 'hexabase:ann@example.test' };
  const robot = { kind: 'ServiceAccount', name: 'robot', namespace: 'shop' };
  const all = { kind: 'Group', name: 'system:serviceaccounts' };
  const content = await copyOf(
    { kind: 'ClusterRoleBinding', metadata: { name: 'mixed' }, roleRef, subjects: [people, robot, all] },
    { kind: 'ClusterRoleBinding', metadata: { name: 'people' }, roleRef, subjects: [people] },
    {
      kind: 'ClusterRoleBinding',
      metadata: { name: 'of-the-source' },
      roleRef: { kind: 'ClusterRole', name: 'hexabase:role:1' },
      subjects: [robot],
    },
  );
  expect(named(content, 'ClusterRoleBinding')).toMatchObject([
    { metadata: { name: 'mixed' }, subjects: [robot, all] },
  ]);
  expect(named(content, 'ClusterRoleBinding')[0]?.['subjects']).toHaveLength(2);
  expect(content.leftOut).toEqual([{ what: 'bindings that give rights to people or groups', count: 2 }]);
});

test('definitions come before their objects, namespaces before what is in them, workloads after what they use', async () => {
  const { batches } = await copyOf(
    { kind: 'Pod', metadata: inShop('p'), spec: {} },
    { kind: 'Widget', metadata: inShop('w') },
    { kind: 'ConfigMap', metadata: inShop('c') },
    { kind: 'CustomResourceDefinition', metadata: { name: 'widgets.example.test' } },
  );
  expect(batches.map((batch) => batch.map(({ object }) => object.kind))).toEqual([
    ['CustomResourceDefinition'],
    ['Namespace'],
    ['ConfigMap'],
    ['Widget'],
    ['Pod'],
  ]);
});

test('a tenant that holds too much is refused while it is read, not after it', async () => {
  const { request } = serving([{ kind: 'Namespace', metadata: { name: 'shop' } }]);
  let pages = 0;
  const blob = 'x'.repeat(30_000_000);
  const endless: TenantClient = {
    async request(wanted) {
      if (!wanted.path.startsWith('/api/v1/configmaps')) return request(wanted);
      if (++pages > 10) throw new Error('it is still read');
      expect(new URLSearchParams(wanted.path.split('?')[1]).get('limit')).toBe('50');
      const items = [{ metadata: inShop(`big-${pages}`), data: { blob } }];
      return { status: 200, body: { metadata: { continue: 'more' }, items } };
    },
  };
  await expect(readPlain(endless)).rejects.toThrow(ContentTooLargeError);
  expect(pages).toBe(7);
});

test('a tenant whose parts are more than is kept of one is refused, also when no single part is', async () => {
  const names = Array.from({ length: 250 }, (_, index) => `c${index}`);
  const shop = { kind: 'Namespace', metadata: { name: 'shop' } };
  const client = serving([shop, ...names.map((name) => ({ kind: 'ConfigMap', metadata: inShop(name) }))]);
  const { parts, objects } = await readPlain(client);
  expect([objects, parts.length]).toEqual([251, 4]);
  const characters = parts.join('').length;
  await expect(readPlain(client, characters - 1)).rejects.toThrow(ContentTooLargeError);
  expect((await readPlain(client, characters)).parts).toEqual(parts);
});

test('a token asked for by hand loses what ties it to the account of the source, and is made anew', async () => {
  const annotations = {
    'kubernetes.io/service-account.name': 'ci',
    'kubernetes.io/service-account.uid': '7',
  };
  const type = 'kubernetes.io/service-account-token';
  const content = await copyOf({
    kind: 'Secret',
    metadata: inShop('ci-token', { annotations }),
    type,
    data: { token: 'c2VjcmV0' },
  });
  expect(named(content, 'Secret')).toEqual([
    {
      apiVersion: 'v1',
      kind: 'Secret',
      metadata: inShop('ci-token', { annotations: { 'kubernetes.io/service-account.name': 'ci' } }),
      type,
    },
  ]);
});
