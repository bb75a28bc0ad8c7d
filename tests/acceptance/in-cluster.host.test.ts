import { realpathSync } from 'node:fs';
import { join } from 'node:path';
import { hostCluster, type HostCluster } from '@hexabase/testkit/host-cluster.ts';
import { afterAll, beforeAll, describe, expect, it, vi } from 'vitest';
import { hostKubectls, until } from './host-product.ts';
import { kubectlSession } from './kubectl-session.ts';
import { accountObjects, podPorts, productPod } from './product-in-pods.ts';
import { succeed } from './product.ts';
import { checkout, run, type Outcome } from './programs.ts';

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
    // Tried, not told from names: nothing on this host has the name of a network plugin.
    expect(check).toMatch(/ok\s+NetworkPoliciesEnforced\s+A pod that a policy cuts off reaches nothing/);
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
  const pod = productPod({
    host: given,
    kubectl,
    settings: { HKS_PUBLIC_URL: `https://$(POD_IP):${podPorts.https}` },
  });
  return {
    apiVersion: 'v1',
    kind: 'List',
    items: [
      ...accountObjects(namespace),
      { apiVersion: 'v1', kind: 'Pod', metadata: { name: 'hexabase', namespace }, spec: pod },
    ],
  };
}
