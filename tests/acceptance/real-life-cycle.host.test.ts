import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { hostCluster } from '@hexabase/testkit/host-cluster.ts';
import { afterAll, beforeAll, describe, expect, it, vi } from 'vitest';
import { packChart, type PackedChart } from './host-chart.ts';
import { hostImage, hostKubectls, idling, startOnHost, until } from './host-product.ts';
import { kubectlSession } from './kubectl-session.ts';
import { succeed, type Product } from './product.ts';
import { run } from './programs.ts';

// A vCluster takes its time to start, and more of it on a busy machine.
vi.setConfig({ testTimeout: 400_000, hookTimeout: 400_000 });

const host = hostCluster('tenant');
const slug = 'a-whole-life';

/** One workspace from its start to its zero-leak report, with sleep in between, on a real vCluster. */
describe.skipIf(host === null || host.issuerAddress === null)('a life on a real host cluster', () => {
  let product: Product;
  let chart: PackedChart;
  let workspaceId = '';
  const [program = ''] = Object.values(hostKubectls(host));
  const onHost = kubectlSession(program, () => ({ PATH: process.env['PATH'], KUBECONFIG: host?.kubeconfig }));
  const settings = (): NodeJS.ProcessEnv => ({
    ...product.env,
    KUBECONFIG: join(product.configDir, 'owner.yaml'),
  });
  const { kubectl } = kubectlSession(program, settings);
  const namespace = (): string => `hexabase-ws-${workspaceId}`;

  beforeAll(async () => {
    // As behind a mirror: packed, by its address, pinned.
    chart = await packChart(host?.chart ?? '');
    product = await startOnHost(host, {
      HKS_VCLUSTER_CHART: chart.url,
      HKS_VCLUSTER_CHART_DIGEST: chart.digest,
    });
    succeed(await product.hks(['organization', 'update', 'my-organization', '--plan', 'pro']));
  });
  afterAll(async () => {
    if (workspaceId !== '') await product.hks(['workspace', 'delete', slug, '--yes'], { timeoutMs: 180_000 });
    await product?.[Symbol.asyncDispose]();
    await chart?.[Symbol.asyncDispose]();
  });

  it('starts, and answers its owner', async () => {
    succeed(await product.hks(['workspace', 'create', slug, '--plan', 'starter'], { timeoutMs: 240_000 }));
    const shown = JSON.parse(succeed(await product.hks(['workspace', 'get', slug, '-o', 'json']))) as {
      id: string;
    };
    workspaceId = shown.id;
    await writeFile(settings()['KUBECONFIG'] ?? '', succeed(await product.hks(['kubeconfig', slug])));
    expect(await kubectl('auth', 'can-i', 'create', 'deployments.apps', '-n', 'default')).toBe('yes\n');
  });

  it('shows what a pod of the tenant uses', async () => {
    await kubectl('create', 'deployment', 'worker', `--image=${hostImage}`, ...idling);
    await kubectl('rollout', 'status', 'deployment/worker', '--timeout=170s');
    const used = await until(async () => {
      // A metrics server looks at a new pod some seconds after its start.
      const { code, stdout } = await run(program, ['top', 'pods'], { env: settings() });
      return code === 0 && stdout;
    });
    expect(used).toMatch(/worker-\S+\s+\d+m\s+\d+Mi/);
  });

  it('says what keeps workloads from running, and goes on being ready', async () => {
    await kubectl('create', 'namespace', 'broken');
    await writeFile(join(product.configDir, 'broken.yaml'), JSON.stringify(brokenWorkloads));
    await kubectl('apply', '-f', join(product.configDir, 'broken.yaml'));
    const said = await until(async () => {
      succeed(await product.hks(['workspace', 'retry', slug]));
      const { stdout } = await product.hks(['why', `workspace/${slug}`]);
      return ['An image cannot be had for 1 pod', 'ends again and again', 'there is no volume'].every(
        (text) => stdout.includes(text),
      )
        ? stdout
        : undefined;
    });
    expect(said).toContain('kubectl');
    const { stdout } = await product.hks(['workspace', 'get', slug, '-o', 'json']);
    expect(stdout).toMatch(/"phase": *"active"/);
    await kubectl('delete', 'namespace', 'broken', '--timeout=170s');
  });

  it('sleeps when asked to: nothing runs on the host, and its state stays', async () => {
    await kubectl('create', 'configmap', 'remembered', '--from-literal=since=before');
    succeed(await product.hks(['workspace', 'sleep', slug], { timeoutMs: 120_000 }));
    const { stdout } = await product.hks(['workspace', 'get', slug, '-o', 'json']);
    expect(stdout).toMatch(/"phase": *"asleep"/);
    // They are asked to end, and have some time for that.
    await until(async () => (await onHost.kubectl('-n', namespace(), 'get', 'pods', '-o', 'name')) === '');
    expect(await onHost.kubectl('-n', namespace(), 'get', 'persistentvolumeclaims', '-o', 'name')).not.toBe(
      '',
    );
  });

  it('is woken by the first request of kubectl, which is answered', async () => {
    expect(await kubectl('get', 'configmap', 'remembered', '-o', 'jsonpath={.data.since}')).toBe('before');
    await kubectl('rollout', 'status', 'deployment/worker', '--timeout=170s');
    const { stdout } = await product.hks(['workspace', 'get', slug, '-o', 'json']);
    expect(stdout).toMatch(/"phase": *"active"/);
  });

  it('says what holds a project up that cannot be emptied, as by an API that nobody answers for', async () => {
    succeed(await product.hks(['project', 'create', 'held', '--workspace', slug]));
    await kubectl('wait', '--for=jsonpath={.status.phase}=Active', 'namespace/held', '--timeout=170s');
    await writeFile(join(product.configDir, 'dead.yaml'), JSON.stringify(deadApi));
    await kubectl('apply', '-f', join(product.configDir, 'dead.yaml'));
    await kubectl(
      'wait',
      '--for=condition=Available=False',
      'apiservice/v1.dead.example.test',
      '--timeout=170s',
    );
    succeed(await product.hks(['project', 'delete', 'held', '--workspace', slug, '--yes']));
    const said = await until(async () => {
      const { stdout } = await product.hks(['project', 'get', 'held', '--workspace', slug, '-o', 'json']);
      return stdout.includes('"Held"') && stdout;
    });
    expect(said).toMatch(/The namespace cannot be emptied: .*dead\.example\.test\/v1/);
  });

  it('is told as lost when its namespace on the host was deleted, and made anew only when somebody asks, with its projects', async () => {
    succeed(await product.hks(['project', 'create', 'kept', '--workspace', slug]));
    await kubectl('wait', '--for=jsonpath={.status.phase}=Active', 'namespace/kept', '--timeout=170s');
    await onHost.kubectl('delete', 'namespace', namespace(), '--timeout=170s');
    const told = async () => {
      const { stdout } = await product.hks(['why', `workspace/${slug}`]);
      return stdout.includes('TenantLost') && stdout;
    };
    // It works as far as anybody knows, and this only has it looked at; what is known to be lost would be made anew.
    if (!(await told())) succeed(await product.hks(['workspace', 'retry', slug]));
    const why = await until(told);
    expect(why).toContain(`The namespace ${namespace()} of the host cluster`);
    expect(await onHost.fails('get', 'namespace', namespace())).toContain('not found');
    succeed(await product.hks(['workspace', 'retry', slug], { timeoutMs: 180_000 }));
    await until(async () => {
      const found = await run(program, ['get', 'namespace', 'kept'], { env: settings() });
      return found.code === 0;
    });
    expect(await product.hks(['project', 'list', '--workspace', slug])).toMatchObject({
      stdout: expect.stringMatching(/^kept +active /m),
    });
    const lost = await run(program, ['get', 'configmap', 'remembered'], { env: settings() });
    expect(lost.stderr).toContain('not found');
  });

  it('ends all the same, also past a webhook of its own that refuses us, with a report of what was removed, and leaves nothing on the host but its fence', async () => {
    await writeFile(join(product.configDir, 'webhook.yaml'), JSON.stringify(deadWebhook));
    await kubectl('apply', '-f', join(product.configDir, 'webhook.yaml'));
    const made = ['create', 'clusterrolebinding', 'probe', '--clusterrole=view', '--user=nobody'];
    await kubectl(...made);
    // It takes effect some moments after it was made.
    await until(async () => {
      const tried = await run(program, ['delete', 'clusterrolebinding', 'probe'], { env: settings() });
      if (tried.code === 0) await kubectl(...made);
      return tried.stderr.includes('nobody.example.test');
    });
    const said = succeed(await product.hks(['workspace', 'delete', slug, '--yes'], { timeoutMs: 180_000 }));
    expect(said).toMatch(/[1-9]\d* removed, 0 left/);
    const gone = workspaceId;
    workspaceId = '';
    const operations = JSON.parse(
      succeed(await product.hks(['operation', 'list', '--subject', `workspace/${gone}`, '-o', 'json'])),
    ) as { id: string; kind: string }[];
    const deletion = operations.find(({ kind }) => kind === 'workspace.delete');
    const report = succeed(await product.hks(['operation', 'get', deletion?.id ?? '', '-o', 'json']));
    expect(JSON.parse(report)).toMatchObject({ state: 'succeeded', report: { left: [] } });
    expect(report).toContain(`hexabase-ws-${gone}`);
    expect(report).toMatch(/gateway has ended it: The admission webhook nobody\.example\.test /);
    expect(await onHost.fails('get', 'namespace', `hexabase-ws-${gone}`)).toContain('not found');
    const kinds = 'clusterroles,clusterrolebindings,persistentvolumes';
    expect(await onHost.kubectl('get', kinds, '-o', 'json')).not.toContain(gone);
    const ours = ['get', 'configmaps', '-A', '-l', `hexabase.ai/workspace-id=${gone}`, '-o', 'name'];
    expect(await onHost.kubectl(...ours)).toBe(`configmap/hexabase-fence-${gone}\n`);
  });
});

/** An API of the tenant behind a service that is not there, as what uninstalls in the wrong order leaves it. */
const deadApi = {
  apiVersion: 'apiregistration.k8s.io/v1',
  kind: 'APIService',
  metadata: { name: 'v1.dead.example.test' },
  spec: {
    group: 'dead.example.test',
    version: 'v1',
    groupPriorityMinimum: 1000,
    versionPriority: 10,
    insecureSkipTLSVerify: true,
    service: { namespace: 'default', name: 'nobody' },
  },
};

/** A webhook that nobody serves, so that nobody takes a right away. */
const deadWebhook = {
  apiVersion: 'admissionregistration.k8s.io/v1',
  kind: 'ValidatingWebhookConfiguration',
  metadata: { name: 'nobody-deletes' },
  webhooks: [
    {
      name: 'nobody.example.test',
      admissionReviewVersions: ['v1'],
      sideEffects: 'None',
      failurePolicy: 'Fail',
      timeoutSeconds: 2,
      clientConfig: { service: { namespace: 'default', name: 'nobody' } },
      rules: [
        {
          apiGroups: ['rbac.authorization.k8s.io'],
          apiVersions: ['v1'],
          operations: ['DELETE'],
          resources: ['clusterrolebindings'],
        },
      ],
    },
  ],
};

/** What nobody has an image for, what ends at once, and what waits for a volume that nothing makes. */
const brokenWorkloads = {
  apiVersion: 'v1',
  kind: 'List',
  items: [
    pod('unknown-image', { image: 'docker.io/library/nobody-has-it:0.0' }),
    pod('ends-at-once', { image: hostImage, command: ['false'] }),
    pod('wants-a-volume', { image: hostImage, volumeMounts: [{ name: 'data', mountPath: '/data' }] }, [
      { name: 'data', persistentVolumeClaim: { claimName: 'never-made' } },
    ]),
    {
      apiVersion: 'v1',
      kind: 'PersistentVolumeClaim',
      metadata: { name: 'never-made', namespace: 'broken' },
      spec: {
        accessModes: ['ReadWriteOnce'],
        storageClassName: 'there-is-none',
        resources: { requests: { storage: '1Gi' } },
      },
    },
  ],
};

function pod(name: string, container: object, volumes: readonly object[] = []): object {
  const spec = { containers: [{ name: 'only', ...container }], volumes };
  return { apiVersion: 'v1', kind: 'Pod', metadata: { name, namespace: 'broken' }, spec };
}
