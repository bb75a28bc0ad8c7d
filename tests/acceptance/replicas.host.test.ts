import { randomBytes } from 'node:crypto';
import { mkdtempSync, realpathSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { hostCluster, type HostCluster } from '@hexabase/testkit/host-cluster.ts';
import { installBinaries } from '@hexabase/postgres/embedded/binaries.ts';
import { afterAll, beforeAll, describe, expect, it, vi } from 'vitest';
import { hostImage, hostKubectls, until } from './host-product.ts';
import { kubectlSession } from './kubectl-session.ts';
import { accountObjects, machineFolders, podPorts, productPod } from './product-in-pods.ts';
import { succeed } from './product.ts';
import { checkout, run, type Outcome } from './programs.ts';

// A vCluster takes its time to start, and more of it on a busy machine.
vi.setConfig({ testTimeout: 400_000, hookTimeout: 400_000 });

/** The pods run programs and libraries of this machine: that goes where the nodes are on it (tests/hostcluster). */
const given = hostCluster('tenant');
const host = given?.binaries && given.issuerAddress ? given : null;
const namespace = 'two-servers';
const publicUrl = `https://hexabase.${namespace}.svc:${podPorts.https}`;
const slug = 'made-by-either';
const labels = { app: 'hexabase' };

/** A Deployment of two on one PostgreSQL, behind a Service, without a volume: as docs/operations/replicas.md has it. */
describe.skipIf(host === null)('two servers behind a Service', () => {
  const [program = ''] = Object.values(hostKubectls(host));
  const env = { PATH: process.env['PATH'], KUBECONFIG: host?.kubeconfig };
  const onHost = kubectlSession(program, () => env);
  let folder = '';
  let workspaceId = '';
  let token = '';

  /** As somebody types it who has a shell in a pod. */
  const inside = (pod: string, command: string, timeoutMs = 180_000): Promise<Outcome> =>
    run(program, ['-n', namespace, 'exec', pod, '--', 'sh', '-c', command], { env, timeoutMs });
  /** As somebody types it on a computer of their own, which knows the Service and has an API token. */
  const elsewhere = async (command: string, timeoutMs?: number): Promise<string> =>
    succeed(
      await inside(
        'laptop',
        `export HKS_TOKEN=${token} HKS_SERVER=${publicUrl} NODE_EXTRA_CA_CERTS=/data/ca.pem KUBECONFIG=/data/kc.yaml; ${command}`,
        timeoutMs,
      ),
    );
  /** Names of the pods that are to stay. */
  const servers = async (): Promise<string[]> => {
    const { items } = await onHost.json('-n', namespace, 'get', 'pods', '-l', 'app=hexabase');
    return (items as { metadata: { name: string; deletionTimestamp?: string } }[])
      .filter(({ metadata }) => metadata.deletionTimestamp === undefined)
      .map(({ metadata }) => metadata.name);
  };
  const rolledOut = (): Promise<string> =>
    onHost.kubectl('-n', namespace, 'rollout', 'status', 'deployment/hexabase', '--timeout=170s');

  beforeAll(async () => {
    if (!host) return;
    folder = mkdtempSync(join(tmpdir(), 'hks-two-servers-'));
    const rbac = ['apply', '--server-side', '--force-conflicts', '-f'];
    await onHost.kubectl(...rbac, join(checkout, 'deploy/host-rbac.yaml'));
    const postgres = await installBinaries(folder);
    const kubectl = realpathSync(join(host.binaries ?? '', 'kubectl'));
    const input = JSON.stringify({
      apiVersion: 'v1',
      kind: 'List',
      items: objects({ host, kubectl, postgres }),
    });
    succeed(await run(program, ['apply', '-f', '-'], { env, input }));
    await rolledOut();
  });
  afterAll(async () => {
    if (workspaceId !== '') await inside('deploy/hexabase', `hks workspace delete ${slug} --yes`);
    await onHost.kubectl('delete', 'clusterrolebinding', namespace, '--ignore-not-found');
    await onHost.kubectl('delete', 'namespace', namespace, '--timeout=170s');
    rmSync(folder, { recursive: true });
  });

  it('start at once from nothing, and the password of the first owner is told once', async () => {
    const names = await servers();
    expect(names).toHaveLength(2);
    // A server answers probes a moment before it has told all that it has to tell.
    const logs = await until(async () => {
      const told = await Promise.all(names.map((name) => onHost.kubectl('-n', namespace, 'logs', name)));
      return told.every((log) => log.includes('Hexabase AI is ready.')) && told;
    });
    expect(logs.join('\n').match(/shown only now/g)).toHaveLength(1);
  });

  it('share the host that one of them was told, and the certificate that the other one has', async () => {
    const [one = '', two = ''] = await servers();
    succeed(await inside(one, 'hexabase-cli host add home --region default --in-cluster'));
    const check = succeed(await inside(two, 'hexabase-cli host check home', 120_000));
    expect(check).toMatch(/ok\s+IssuerReachable/);
    await until(async () =>
      /"ready": *"True"/.test((await inside(two, 'hks host-cluster get home -o json')).stdout),
    );
    const made = succeed(
      await inside(two, 'hks token create --name laptop --scope write --expires 30d -o json'),
    );
    token = (JSON.parse(made) as { token: string }).token;
    const authority = 'hexabase-cli authority';
    const [ca, same] = await Promise.all([inside(one, authority), inside(two, authority)]);
    expect(succeed(ca)).toBe(succeed(same));
    const file = { env, input: ca.stdout };
    succeed(await run(program, ['-n', namespace, 'exec', '-i', 'laptop', '--', 'tee', '/data/ca.pem'], file));
    expect(JSON.parse(await elsewhere('hks workspace list -o json'))).toEqual([]);
  });

  it('finish a workspace although every server is killed while it is made', async () => {
    const asked = await elsewhere(`hks workspace create ${slug} --plan starter --no-wait -o json`);
    workspaceId = (JSON.parse(asked) as { id: string }).id;
    const uid = await until(async () => {
      const look = ['get', 'namespace', `hexabase-ws-${workspaceId}`, '-o', 'jsonpath={.metadata.uid}'];
      return (await run(program, look, { env })).stdout;
    });
    await onHost.kubectl(
      '-n',
      namespace,
      'delete',
      'pods',
      '-l',
      'app=hexabase',
      '--force',
      '--grace-period=0',
    );
    await rolledOut();
    await until(async () =>
      /"phase": *"active"/.test(await elsewhere(`hks workspace get ${slug} -o json`).catch(() => '')),
    );
    const now = ['get', 'namespace', `hexabase-ws-${workspaceId}`, '-o', 'jsonpath={.metadata.uid}'];
    expect(await onHost.kubectl(...now)).toBe(uid);
  });

  it('fail no request of kubectl while one after the other is replaced', async () => {
    await elsewhere(`hks kubeconfig ${slug} > /data/kc.yaml`);
    await elsewhere('kubectl -n default create configmap note --from-literal=a=b');
    const ask = 'kubectl -n default get configmap note -o jsonpath={.data.a} || echo FAILED';
    await elsewhere(
      `rm -f /data/stop; (while [ ! -e /data/stop ]; do ${ask}; echo; done) > /data/answers 2>&1 &`,
    );
    const before = await servers();
    await onHost.kubectl('-n', namespace, 'rollout', 'restart', 'deployment/hexabase');
    await rolledOut();
    await until(async () => (await servers()).length === 2);
    const answers = await elsewhere('sleep 5; touch /data/stop; sleep 2; cat /data/answers');
    expect((await servers()).filter((name) => before.includes(name))).toEqual([]);
    expect([...new Set(answers.trim().split('\n'))]).toEqual(['b']);
    expect(answers.trim().split('\n').length).toBeGreaterThan(10);
  });

  it('remove it, and leave nothing but its fence', async () => {
    const [one = ''] = await servers();
    const removed = await inside(one, `hks workspace delete ${slug} --yes`, 180_000);
    expect(succeed(removed)).toMatch(/[1-9]\d* removed, 0 left/);
    const gone = workspaceId;
    workspaceId = '';
    expect(await onHost.fails('get', 'namespace', `hexabase-ws-${gone}`)).toContain('not found');
  });
});

interface Parts {
  host: HostCluster;
  kubectl: string;
  /** Folder of the programs of PostgreSQL. */
  postgres: string;
}

function objects({ host: cluster, kubectl, postgres }: Parts): object[] {
  const password = randomBytes(12).toString('hex');
  const pod = productPod({
    host: cluster,
    kubectl,
    settings: {
      HKS_PUBLIC_URL: publicUrl,
      HKS_PASSWORDS: 'on',
      HKS_MASTER_KEY: randomBytes(32).toString('base64'),
      DATABASE_URL: `postgres://postgres:${password}@database.${namespace}.svc:5432/postgres`,
    },
  });
  const [server] = pod.containers;
  // It goes on answering until the Service sends nobody to it any more.
  const lifecycle = { preStop: { sleep: { seconds: 5 } } };
  const laptop = { ...server, name: 'laptop', command: ['sleep', 'infinity'], readinessProbe: undefined };
  return [
    ...accountObjects(namespace),
    podObject('database', databasePod(postgres, password)),
    serviceObject('database', { app: 'database' }, [5432]),
    podObject('laptop', { containers: [laptop], volumes: pod.volumes, terminationGracePeriodSeconds: 0 }),
    serviceObject('hexabase', labels, Object.values(podPorts)),
    {
      apiVersion: 'apps/v1',
      kind: 'Deployment',
      metadata: { name: 'hexabase', namespace },
      spec: {
        replicas: 2,
        selector: { matchLabels: labels },
        strategy: { rollingUpdate: { maxUnavailable: 0, maxSurge: 1 } },
        template: { metadata: { labels }, spec: { ...pod, containers: [{ ...server, lifecycle }] } },
      },
    },
  ];
}

function podObject(name: string, spec: object): object {
  return { apiVersion: 'v1', kind: 'Pod', metadata: { name, namespace, labels: { app: name } }, spec };
}

function serviceObject(name: string, selector: object, ports: readonly number[]): object {
  return {
    apiVersion: 'v1',
    kind: 'Service',
    metadata: { name, namespace },
    spec: { selector, ports: ports.map((port) => ({ name: `port-${port}`, port })) },
  };
}

function databasePod(postgres: string, password: string): object {
  const mounts = machineFolders([postgres]);
  const make = `${postgres}/bin/initdb -D /data/db -U postgres --pwfile=/data/password -A scram-sha-256 -E UTF8 --locale=C`;
  const allow = "echo 'host all all all scram-sha-256' >> /data/db/pg_hba.conf";
  const serve = `exec ${postgres}/bin/postgres -D /data/db -c listen_addresses='*' -c unix_socket_directories= -c max_connections=200`;
  return {
    terminationGracePeriodSeconds: 2,
    securityContext: { runAsUser: 65_534, runAsGroup: 65_534, fsGroup: 65_534 },
    containers: [
      {
        name: 'postgres',
        image: hostImage,
        command: ['sh', '-c', `echo ${password} > /data/password && ${make} && ${allow} && ${serve}`],
        volumeMounts: [...mounts.map(({ mount }) => mount), { name: 'data', mountPath: '/data' }],
      },
    ],
    volumes: [...mounts.map(({ volume }) => volume), { name: 'data', emptyDir: {} }],
  };
}
