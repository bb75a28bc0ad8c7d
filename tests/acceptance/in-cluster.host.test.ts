import { realpathSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { hostCluster, type HostCluster } from '@hexabase/testkit/host-cluster.ts';
import { afterAll, beforeAll, describe, expect, it, vi } from 'vitest';
import { hostImage, hostKubectls, hostSettings, until } from './host-product.ts';
import { kubectlSession } from './kubectl-session.ts';
import { checkout, run, type Outcome } from './programs.ts';
import { succeed } from './product.ts';

// A vCluster takes its time to start, and more of it on a busy machine.
vi.setConfig({ testTimeout: 400_000, hookTimeout: 400_000 });

/** The pod runs programs and libraries of this machine: that goes where the nodes are on it (tests/hostcluster). */
const given = hostCluster('tenant');
const host = given?.binaries && given.issuerAddress ? given : null;
const namespace = 'control-plane-in-a-pod';
const slug = 'made-from-inside';

/** The product as a pod of the cluster that carries its workspaces, as the service account of deploy/host-rbac.yaml. */
describe.skipIf(host === null)('the control plane in a pod of the host cluster', () => {
  const [program = ''] = Object.values(hostKubectls(host));
  const onHost = kubectlSession(program, () => ({ PATH: process.env['PATH'], KUBECONFIG: host?.kubeconfig }));
  /** The one that was built with the host. */
  const kubectlInside = (): string => realpathSync(join(host?.binaries ?? '', 'kubectl'));
  let workspaceId = '';

  /** As somebody types it who has a shell in the pod. */
  const inside = (command: string, timeoutMs = 180_000): Promise<Outcome> => {
    const shell = ['-n', namespace, 'exec', 'hexabase', '--', 'sh', '-c', command];
    return run(program, shell, {
      env: { PATH: process.env['PATH'], KUBECONFIG: host?.kubeconfig },
      timeoutMs,
    });
  };
  const said = async (command: string, timeoutMs?: number): Promise<string> =>
    succeed(await inside(command, timeoutMs));

  beforeAll(async () => {
    await onHost.kubectl(
      'apply',
      '--server-side',
      '--force-conflicts',
      '-f',
      join(checkout, 'deploy/host-rbac.yaml'),
    );
    const env = { PATH: process.env['PATH'], KUBECONFIG: host?.kubeconfig };
    if (host)
      succeed(
        await run(program, ['apply', '-f', '-'], {
          env,
          input: JSON.stringify(objects(host, kubectlInside())),
        }),
      );
    await onHost.kubectl('-n', namespace, 'wait', '--for=condition=Ready', 'pod/hexabase', '--timeout=170s');
  });
  afterAll(async () => {
    if (workspaceId !== '') await inside(`hks workspace delete ${slug} --yes`, 180_000);
    await onHost.kubectl('delete', 'clusterrolebinding', namespace, '--ignore-not-found');
    await onHost.kubectl('delete', 'namespace', namespace, '--timeout=170s');
  });

  it('adds its own cluster without a kubeconfig, and finds there what workspaces need', async () => {
    expect(await said('hexabase-cli host add home --region default --in-cluster')).toContain(
      'Added the host cluster home in region default.',
    );
    const check = await said('hexabase-cli host check home', 120_000);
    expect(check).toContain('home takes workspaces.');
    expect(check).toMatch(/ok\s+IssuerReachable/);
    await until(async () =>
      /"ready": *"True"/.test((await inside('hks host-cluster get home -o json')).stdout),
    );
  });

  it('makes a workspace there, whose API it reaches by the address of its service', async () => {
    await said(`hks workspace create ${slug} --plan starter`, 240_000);
    const { id } = JSON.parse(await said(`hks workspace get ${slug} -o json`)) as { id: string };
    workspaceId = id;
    await said(`hks kubeconfig ${slug} > /data/kc.yaml`);
    const kubectl = (command: string): Promise<string> =>
      said(`KUBECONFIG=/data/kc.yaml ${kubectlInside()} ${command}`);
    expect(await kubectl('auth whoami')).toContain('hexabase:owner@hexabase.local');
    expect(await kubectl('-n default create configmap note --from-literal=a=b')).toContain('created');
    expect(await kubectl('-n default get configmap note -o jsonpath={.data.a}')).toBe('b');
  });

  it('is let in by the network policies of the workspace', async () => {
    const policy = [
      '-n',
      `hexabase-ws-${workspaceId}`,
      'get',
      'networkpolicy',
      'hexabase-control-plane',
      '-o',
      'json',
    ];
    expect(JSON.parse(await onHost.kubectl(...policy))).toMatchObject({
      spec: {
        ingress: [
          {
            from: expect.arrayContaining([
              { namespaceSelector: { matchLabels: { 'kubernetes.io/metadata.name': namespace } } },
            ]),
          },
        ],
      },
    });
  });

  it('removes it, and leaves nothing but its fence', async () => {
    expect(await said(`hks workspace delete ${slug} --yes`, 180_000)).toMatch(/[1-9]\d* removed, 0 left/);
    const gone = workspaceId;
    workspaceId = '';
    expect(await onHost.fails('get', 'namespace', `hexabase-ws-${gone}`)).toContain('not found');
    const kinds = 'clusterroles,clusterrolebindings,persistentvolumes';
    expect(await onHost.kubectl('get', kinds, '-o', 'json')).not.toContain(gone);
  });
});

function objects(given: HostCluster, kubectl: string): object {
  const { chart, helm } = given;
  // Programs and libraries where they are on this machine.
  const debian = { '/usr': '/usr', '/lib': '/usr/lib', '/lib64': '/usr/lib64', '/etc/passwd': '/etc/passwd' };
  const programs = [process.execPath, helm ?? '', kubectl].map((path) =>
    dirname(dirname(realpathSync(path))),
  );
  const elsewhere = [realpathSync(chart ?? ''), ...programs].filter(
    (path) => !path.startsWith(`${checkout}/`),
  );
  const ours = Object.fromEntries([checkout, ...elsewhere].map((path) => [path, path]));
  const settings: NodeJS.ProcessEnv = {
    ...hostSettings(given),
    PATH: `${checkout}:${dirname(process.execPath)}:/usr/bin:/bin`,
    HOME: '/data',
    HKS_DATA_DIR: '/data/hexabase',
    HKS_CONFIG: '/data/config.yaml',
    HKS_NODE: process.execPath,
    HKS_PREPARED: checkout,
    HKS_VCLUSTER_CHART: realpathSync(chart ?? ''),
    HKS_HELM: realpathSync(helm ?? ''),
    HKS_PUBLIC_URL: 'https://$(POD_IP):8443',
  };
  const podAddress = { name: 'POD_IP', valueFrom: { fieldRef: { fieldPath: 'status.podIP' } } };
  const mounts = Object.entries({ ...debian, ...ours }).map(([mountPath, path], index) => ({
    volume: { name: `host-${index}`, hostPath: { path } },
    mount: { name: `host-${index}`, mountPath, readOnly: true },
  }));
  const listens = ['--listen', '0.0.0.0', '--http-port', '8080', '--https-port', '8443'];
  const container = {
    name: 'hexabase',
    image: hostImage,
    command: [join(checkout, 'hks'), 'up', ...listens],
    env: [podAddress, ...Object.entries(settings).map(([name, value]) => ({ name, value }))],
    readinessProbe: { httpGet: { path: '/ready', port: 8080 }, periodSeconds: 1, failureThreshold: 60 },
    volumeMounts: [...mounts.map(({ mount }) => mount), { name: 'data', mountPath: '/data' }],
  };
  const labels = { 'pod-security.kubernetes.io/enforce': 'privileged' };
  const account = { name: 'hexabase', namespace };
  const rbac = 'rbac.authorization.k8s.io';
  return {
    apiVersion: 'v1',
    kind: 'List',
    items: [
      { apiVersion: 'v1', kind: 'Namespace', metadata: { name: namespace, labels } },
      { apiVersion: 'v1', kind: 'ServiceAccount', metadata: account },
      {
        apiVersion: `${rbac}/v1`,
        kind: 'ClusterRoleBinding',
        metadata: { name: namespace },
        roleRef: { apiGroup: rbac, kind: 'ClusterRole', name: 'hexabase-host' },
        subjects: [{ kind: 'ServiceAccount', ...account }],
      },
      {
        apiVersion: 'v1',
        kind: 'Pod',
        metadata: { name: 'hexabase', namespace },
        spec: {
          serviceAccountName: account.name,
          terminationGracePeriodSeconds: 5,
          containers: [container],
          volumes: [...mounts.map(({ volume }) => volume), { name: 'data', emptyDir: {} }],
        },
      },
    ],
  };
}
