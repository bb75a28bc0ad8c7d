import { createServer } from 'node:http';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { hostCluster } from '@hexabase/testkit/host-cluster.ts';
import { createKubectl, type Kubectl } from './kubectl.ts';
import { waitUntil } from './run-program.ts';
import { imageNames, nodePlan } from './settings.ts';

/** Only of the cluster that stands in this folder: others have other nodes and other images. */
const own = (level: 'kwok' | 'node' | 'tenant') => {
  const cluster = hostCluster(level);
  return cluster?.binaries === null ? null : cluster;
};
const namespace = 'hostcluster-itself';

describe.skipIf(own('node') === null)('the host cluster', () => {
  let kubectl: Kubectl;
  const inProbe = (...command: string[]): Promise<string> =>
    kubectl(['-n', namespace, 'exec', 'probe', '--', 'netcheck', ...command]);

  beforeAll(async () => {
    kubectl = createKubectl(own('node')?.kubeconfig ?? '');
    await kubectl(['create', 'namespace', namespace]);
    await kubectl(['-n', namespace, 'apply', '-f', '-'], JSON.stringify(objects()));
    await kubectl(['-n', namespace, 'wait', '--for=condition=Ready', 'pod', '--all', '--timeout=90s']);
  });
  afterAll(() => kubectl(['delete', 'namespace', namespace]));

  it('gives pods names, services and an API server', async () => {
    expect(await inProbe('get', 'http://web')).toContain('200 web');
    expect(await inProbe('lookup', 'kubernetes.default.svc.cluster.local')).toContain('10.231.0.1');
  });

  it.skipIf(own('tenant') === null)('carries a service from one node to the other', async () => {
    const place = ['-n', namespace, 'get', 'pod', 'probe', 'web', '-o', 'jsonpath={.items[*].spec.nodeName}'];
    expect((await kubectl(place)).split(' ').toSorted()).toEqual([nodePlan(1).name, nodePlan(2).name]);
  });

  it('binds volumes, and passes logs and what a pod writes', async () => {
    const claim = ['-n', namespace, 'get', 'pvc', 'data', '-o', 'jsonpath={.status.phase}'];
    expect(await kubectl(claim)).toBe('Bound');
    expect(await kubectl(['-n', namespace, 'exec', 'probe', '--', 'cat', '/data/note'])).toBe('written\n');
    expect(await kubectl(['-n', namespace, 'logs', 'web'])).toContain('serving on 8080');
  });

  it('lets pods reach a server of a test on the address that is told for that', async () => {
    const address = own('node')?.issuerAddress ?? '';
    const server = createServer((_, response) => response.end('from the test'));
    await new Promise<void>((done) => server.listen(0, address, done));
    try {
      const bound = server.address();
      const port = typeof bound === 'object' && bound !== null ? bound.port : 0;
      expect(await inProbe('get', `http://${address}:${port}/`)).toContain('200 from the test');
    } finally {
      server.close();
    }
  });

  it('lets no pod out of this machine', async () => {
    await expect(inProbe('get', 'http://192.0.2.1/')).rejects.toThrow('exit code 1');
    await expect(inProbe('lookup', 'example.com')).rejects.toThrow('exit code 1');
  });

  it('keeps pods apart when a network policy says so, on one node and between two, and only then', async () => {
    const deny = {
      apiVersion: 'networking.k8s.io/v1',
      kind: 'NetworkPolicy',
      metadata: { name: 'deny' },
      spec: { podSelector: { matchLabels: { kind: 'server' } }, policyTypes: ['Ingress'] },
    };
    const address = [
      '-n',
      namespace,
      'get',
      'pods',
      '-l',
      'kind=server',
      '-o',
      'jsonpath={.items[*].status.podIP}',
    ];
    const servers = (await kubectl(address)).split(' ');
    expect(servers).toHaveLength(2);
    const reached = async (): Promise<string[]> => {
      const tried = servers.map((server) =>
        inProbe('get', `http://${server}:8080`).then(
          () => [server],
          () => [],
        ),
      );
      return (await Promise.all(tried)).flat();
    };
    expect(await reached()).toEqual(servers);
    await kubectl(['-n', namespace, 'apply', '-f', '-'], JSON.stringify(deny));
    await waitUntil('the policy', 30, async () => (await reached()).length === 0);
    await kubectl(['-n', namespace, 'delete', 'networkpolicy', 'deny']);
    await waitUntil('the end of the policy', 30, async () => (await reached()).length === servers.length);
  });

  it('can be asked from this machine for pods and services', async () => {
    const address = await kubectl([
      '-n',
      namespace,
      'get',
      'service',
      'web',
      '-o',
      'jsonpath={.spec.clusterIP}',
    ]);
    expect(await (await fetch(`http://${address}/`)).text()).toBe('web\n');
  });

  it('measures what pods use', async () => {
    await waitUntil('metrics of a pod', 60, async () =>
      (await kubectl(['-n', namespace, 'top', 'pod', 'probe'])).includes('probe'),
    );
    expect(await kubectl(['-n', namespace, 'top', 'pod', 'probe', '--no-headers'])).toMatch(/\d+m +\d+Mi/);
  });
});

/** A probe with a volume on the first node, a server beside it, and one on the second where there is one. */
function objects(): object {
  const pod = (name: string, labels: object, spec: object): object => ({
    apiVersion: 'v1',
    kind: 'Pod',
    metadata: { name, labels },
    spec: { terminationGracePeriodSeconds: 0, ...spec },
  });
  const container = (command: string[], more: object = {}): object => ({
    name: 'main',
    image: imageNames.busybox,
    command,
    ...more,
  });
  return {
    apiVersion: 'v1',
    kind: 'List',
    items: [
      {
        apiVersion: 'v1',
        kind: 'PersistentVolumeClaim',
        metadata: { name: 'data' },
        spec: { accessModes: ['ReadWriteOnce'], resources: { requests: { storage: '1Mi' } } },
      },
      pod(
        'probe',
        {},
        {
          containers: [
            container(['sh', '-c', 'echo written > /data/note; exec sleep 3600'], {
              volumeMounts: [{ name: 'data', mountPath: '/data' }],
            }),
          ],
          volumes: [{ name: 'data', persistentVolumeClaim: { claimName: 'data' } }],
        },
      ),
      pod(
        'web',
        { app: 'web', kind: 'server' },
        {
          tolerations: [{ key: 'hexabase.test/node', operator: 'Exists' }],
          affinity: {
            nodeAffinity: {
              preferredDuringSchedulingIgnoredDuringExecution: [
                {
                  weight: 100,
                  preference: {
                    matchExpressions: [{ key: 'hexabase.test/node', operator: 'In', values: ['extra'] }],
                  },
                },
              ],
            },
          },
          containers: [container(['netcheck', 'serve', '8080'])],
        },
      ),
      pod('neighbour', { kind: 'server' }, { containers: [container(['netcheck', 'serve', '8080'])] }),
      {
        apiVersion: 'v1',
        kind: 'Service',
        metadata: { name: 'web' },
        spec: { selector: { app: 'web' }, ports: [{ port: 80, targetPort: 8080 }] },
      },
    ],
  };
}
