import { readFileSync } from 'node:fs';
import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { hostCluster } from '@hexabase/testkit/host-cluster.ts';
import { afterAll, beforeAll, describe, expect, it, vi } from 'vitest';
import { hostImage as image, hostKubectls, startOnHost, until } from './host-product.ts';
import { kubectlSession, type KubectlSession } from './kubectl-session.ts';
import { addPerson, succeed, type Person, type Product } from './product.ts';
import { checkout, run } from './programs.ts';

// A vCluster takes its time to start, and more of it on a busy machine.
vi.setConfig({ testTimeout: 400_000, hookTimeout: 400_000 });

const host = hostCluster('tenant');
const slug = 'my-first-workspace';

/** The Quick Start on a real host cluster with real vClusters: what a newcomer types, with real kubectls. */
describe.skipIf(host === null || host.issuerAddress === null)('the tour on a real host cluster', () => {
  let product: Product;
  const [firstKubectl = ''] = Object.values(hostKubectls(host));
  const onHost = kubectlSession(firstKubectl, () => ({ ...product.env, KUBECONFIG: host?.kubeconfig }));
  const settingsFor = (name: string): string => join(product.configDir, `${name}.yaml`);
  const as = (name: string, path: string, env = (): NodeJS.ProcessEnv => product.env): KubectlSession =>
    kubectlSession(path, () => ({ ...env(), KUBECONFIG: settingsFor(name) }));
  let workspaceId = '';

  beforeAll(async () => {
    product = await startOnHost(host);
    succeed(await product.hks(['organization', 'update', 'my-organization', '--plan', 'pro']));
  });
  afterAll(async () => {
    // A failed tour leaves nothing on the host either.
    if (workspaceId !== '') await product.hks(['workspace', 'delete', slug, '--yes'], { timeoutMs: 180_000 });
    await product?.[Symbol.asyncDispose]();
  });

  it('makes a workspace, which is a real vCluster, and tells the steps', async () => {
    const create = ['workspace', 'create', 'my first workspace', '--plan', 'starter'];
    const { code, stdout, stderr } = await product.hks(create, { timeoutMs: 240_000 });
    expect(code, stderr).toBe(0);
    expect(stdout).toMatch(/my-first-workspace +starter +active/);
    expect(stderr).toMatch(/\[\d+\/\d+\] \w+/);
    const shown = JSON.parse(succeed(await product.hks(['workspace', 'get', slug, '-o', 'json']))) as {
      id: string;
    };
    workspaceId = shown.id;
    const onIt = await onHost.kubectl('-n', `hexabase-ws-${workspaceId}`, 'get', 'statefulsets,pods');
    expect(onIt).toMatch(/statefulset\.apps\/ws-\S+\s+1\/1/);
  });

  it('has its admission policies on the host', async () => {
    expect(await onHost.kubectl('get', 'validatingadmissionpolicies')).toContain('hexabase-fence-order');
  });

  it('prints a kubeconfig without a secret in it', async () => {
    const text = succeed(await product.hks(['kubeconfig', slug]));
    expect(text).toContain('interactiveMode: Never');
    expect(text).not.toMatch(/token:|password:|client-key/);
    await writeFile(settingsFor('owner'), text);
  });

  describe.each(Object.entries(hostKubectls(host)))('with kubectl %s', (version, path) => {
    const project = `app-${version.replaceAll('.', '-')}`;
    const { kubectl, fails, untilSeen, json } = as('owner', path);
    const inProject = (...args: string[]): Promise<string> => kubectl('-n', project, ...args);

    it('finds the cluster, its nodes and who one is', async () => {
      expect(await kubectl('config', 'current-context')).toBe(`hexabase-${slug}\n`);
      expect(await kubectl('cluster-info')).toContain('is running at');
      expect(await kubectl('get', 'nodes')).toMatch(/\S+\s+Ready.*\sv1\.\d+\.\d+/);
      expect(await kubectl('get', 'nodes')).not.toContain('simulated');
      expect(await kubectl('auth', 'whoami')).toContain('hexabase:owner@hexabase.local');
      expect(await kubectl('auth', 'can-i', 'create', 'deployments.apps', '-n', 'default')).toBe('yes\n');
    });

    it('makes a project, which is a namespace with a quota', async () => {
      succeed(await product.hks(['project', 'create', project, '--workspace', slug]));
      await kubectl(
        'wait',
        '--for=jsonpath={.status.phase}=Active',
        `namespace/${project}`,
        '--timeout=170s',
      );
      await until(async () => (await json('-n', project, 'get', 'resourcequotas')).items.length > 0);
      expect(succeed(await product.hks(['project', 'list', '--workspace', slug]))).toContain(project);
    });

    it('makes a namespace by kubectl too', async () => {
      expect(await kubectl('create', 'namespace', `${project}-by-hand`)).toContain('created');
      expect(await kubectl('delete', 'namespace', `${project}-by-hand`)).toContain('deleted');
    });

    it('applies an application and rolls it out', async () => {
      await writeFile(settingsFor(`${version}-app`), await exampleFor('app.yaml', project));
      const applied = await kubectl('apply', '-f', settingsFor(`${version}-app`));
      for (const made of ['deployment.apps/web', 'service/web', 'ingress.networking.k8s.io/web'])
        expect(applied).toContain(`${made} created`);
      await inProject('rollout', 'status', 'deployment/web', '--timeout=170s');
      const shown = await inProject('get', 'deployments,pods,svc,ingress');
      expect(shown).toMatch(/deployment\.apps\/web\s+2\/2/);
      expect(shown.match(/pod\/web-\S+\s+1\/1\s+Running/g)).toHaveLength(2);
      expect(shown).toMatch(/service\/web\s+ClusterIP\s+\d+\./);
      expect(shown).toContain('example.com');
      expect(await kubectl('apply', '-f', settingsFor(`${version}-app`))).toMatch(
        /deployment\.apps\/web unchanged/,
      );
    });

    it('runs it in real containers on the host, under the host’s policies', async () => {
      const own = ['-l', `vcluster.loft.sh/namespace=${project}`];
      const pods = await onHost.json('-n', `hexabase-ws-${workspaceId}`, 'get', 'pods', ...own);
      expect(JSON.stringify(pods)).toContain('"automountServiceAccountToken":false');
      const said = await inProject(
        'exec',
        'deployment/web',
        '--',
        'sh',
        '-c',
        'echo "$greeting" from $((6 * 7))',
      );
      expect(said).toContain('Hello from my-app from 42');
    });

    it('finds services by their names', async () => {
      const ask = host?.binaries ? 'netcheck lookup' : 'nslookup';
      const name = `web.${project}.svc.cluster.local`;
      await kubectl('-n', 'kube-system', 'rollout', 'status', 'deployment/coredns', '--timeout=170s');
      const address = await inProject('get', 'service', 'web', '-o', 'jsonpath={.spec.clusterIP}');
      const said = await inProject('exec', 'deployment/web', '--', ...ask.split(' '), name);
      expect(said).toContain(address);
    });

    it('scales', async () => {
      expect(await inProject('scale', 'deployment/web', '--replicas=5')).toContain('scaled');
      await inProject('wait', '--for=jsonpath={.status.readyReplicas}=5', 'deployment/web', '--timeout=170s');
      expect((await json('-n', project, 'get', 'pods', '-l', 'app=web')).items).toHaveLength(5);
    });

    it('shows logs and follows them', async () => {
      const lines = await inProject('logs', '-l', 'app=web', '--tail=-1');
      expect(lines.match(/web started/g)).toHaveLength(5);
      expect(
        await untilSeen(/still here[^]*still here/, '-n', project, 'logs', '-f', 'deployment/web'),
      ).toContain('web started');
    });

    it('measures nodes and pods', async () => {
      const measured = async (...args: string[]): Promise<string> => {
        // A metrics server looks at a new pod some seconds after its start.
        for (let attempt = 0; attempt < 30; attempt++) {
          const { code, stdout } = await run(path, ['top', ...args], {
            env: { ...product.env, KUBECONFIG: settingsFor('owner') },
          });
          if (code === 0) return stdout;
          await new Promise((done) => setTimeout(done, 2000));
        }
        return kubectl('top', ...args);
      };
      expect(await measured('pods', '-n', project)).toMatch(/web-\S+\s+\d+m\s+\d+Mi/);
      expect(await measured('nodes')).toMatch(/\S+\s+\d+m\s+\d+%\s+\d+Mi/);
    });

    it('counts the quota', async () => {
      const quota = await inProject('get', 'resourcequota', '-o', 'yaml');
      expect(quota).toMatch(/used:\n(?:\s+\S+: .*\n)*?\s+limits\.cpu: 500m/);
    });

    it('runs a job of a cron job and shows its log', async () => {
      await writeFile(settingsFor(`${version}-cron`), await exampleFor('cronjob.yaml', project));
      expect(await kubectl('apply', '-f', settingsFor(`${version}-cron`))).toBe(
        'cronjob.batch/report created\n',
      );
      await inProject('create', 'job', '--from=cronjob/report', 'once');
      await inProject('wait', '--for=condition=complete', 'job/once', '--timeout=170s');
      expect(await inProject('logs', 'job/once')).toBe('nightly report\n');
    });

    it('refuses what would reach the host', async () => {
      const pod = { containers: [{ name: 'shell', image }], hostNetwork: true };
      const overrides = JSON.stringify({ spec: pod });
      const said = await fails('-n', project, 'run', 'shell', `--image=${image}`, `--overrides=${overrides}`);
      expect(said).toMatch(/violates PodSecurity "baseline:\S+": host namespaces \(hostNetwork=true\)/);
    });

    it('removes the application and its namespace', async () => {
      expect(await kubectl('delete', '-f', settingsFor(`${version}-app`))).toContain(
        'deployment.apps "web" deleted',
      );
      expect(await kubectl('delete', 'namespace', project, '--timeout=170s')).toContain('deleted');
      expect(await fails('get', 'namespace', project)).toContain('not found');
    });
  });

  describe('people who are not its administrators', () => {
    let viewer: Person;
    let developer: Person;
    const { kubectl: look, fails: isRefused } = as('viewer', firstKubectl, () => viewer.env);
    const { kubectl: develop, fails: mayNot } = as('developer', firstKubectl, () => developer.env);
    const { kubectl: own } = as('owner', firstKubectl);
    const cannot = ({ email }: Person, what: string): string => `User "hexabase:${email}" cannot ${what}`;
    /** Exit code and what `kubectl auth can-i` prints. */
    const mayI = async ({ env }: Person, name: string, ...what: string[]): Promise<string> => {
      const { code, stdout } = await run(firstKubectl, ['auth', 'can-i', ...what], {
        env: { ...env, KUBECONFIG: settingsFor(name) },
      });
      return `${code} ${stdout.trim()}`;
    };
    /** Takes part, as somebody with this role in the organization. */
    const member = async (role: string): Promise<Person> => {
      const person = await addPerson(product, role);
      succeed(await product.hks(['member', 'add', person.email, '--role', role]));
      await writeFile(settingsFor(role), succeed(await person.hks(['kubeconfig', slug])));
      return person;
    };

    it('get a kubeconfig each', async () => {
      viewer = await member('viewer');
      expect(await look('auth', 'whoami')).toContain('hexabase:viewer@example.com');
      developer = await member('developer');
      expect(await develop('auth', 'whoami')).toContain('hexabase:developer@example.com');
    });

    it('a viewer sees what runs, but no secret, and changes nothing', async () => {
      expect(await look('get', 'pods', '-A')).toMatch(/^kube-system +coredns-\S+ +1\/1 +Running/m);
      expect(await isRefused('get', 'secrets', '-A')).toContain(
        cannot(viewer, 'list resource "secrets" in API group "" at the cluster scope'),
      );
      expect(await mayI(viewer, 'viewer', 'create', 'deployments.apps', '-n', 'default')).toBe('1 no');
      expect(await isRefused('create', 'namespace', 'mine')).toContain(
        cannot(viewer, 'create resource "namespaces" in API group "" at the cluster scope'),
      );
      expect(await isRefused('-n', 'default', 'create', 'deployment', 'web', `--image=${image}`)).toContain(
        cannot(viewer, 'create resource "deployments" in API group "apps" in the namespace "default"'),
      );
      expect(await isRefused('delete', 'namespace', 'default')).toContain(
        cannot(viewer, 'delete resource "namespaces" in API group "" in the namespace "default"'),
      );
    });

    it('a developer makes a project, deploys into it and reads its logs and secrets', async () => {
      succeed(await developer.hks(['project', 'create', 'developed', '--workspace', slug]));
      await until(
        async () =>
          (await mayI(developer, 'developer', 'create', 'deployments.apps', '-n', 'developed')) === '0 yes',
      );
      const inIt = (...args: string[]): Promise<string> => develop('-n', 'developed', ...args);
      const web = ['sh', '-c', 'trap exit TERM; echo developed; while true; do sleep 1; done'];
      expect(await inIt('create', 'deployment', 'web', `--image=${image}`, '--', ...web)).toBe(
        'deployment.apps/web created\n',
      );
      await inIt('rollout', 'status', 'deployment/web', '--timeout=170s');
      expect(await inIt('logs', 'deployment/web')).toBe('developed\n');
      await inIt('create', 'secret', 'generic', 'word', '--from-literal=said=so');
      expect(await inIt('get', 'secret', 'word', '-o', 'jsonpath={.data.said}')).toBe('c28=');
    });

    it('a developer changes nothing but applications in projects, and reads no secret elsewhere', async () => {
      expect(await mayNot('get', 'secrets', '-A')).toContain(
        cannot(developer, 'list resource "secrets" in API group "" at the cluster scope'),
      );
      expect(await mayNot('-n', 'kube-system', 'get', 'secrets')).toContain(
        cannot(developer, 'list resource "secrets" in API group "" in the namespace "kube-system"'),
      );
      expect(await mayNot('-n', 'default', 'create', 'deployment', 'web', `--image=${image}`)).toContain(
        cannot(developer, 'create resource "deployments" in API group "apps" in the namespace "default"'),
      );
      expect(await mayNot('create', 'namespace', 'mine')).toContain(
        cannot(developer, 'create resource "namespaces" in API group "" at the cluster scope'),
      );
      expect(await mayNot('-n', 'developed', 'delete', 'resourcequota', 'hexabase')).toContain(
        cannot(developer, 'delete resource "resourcequotas" in API group "" in the namespace "developed"'),
      );
      const more = ['--clusterrole=cluster-admin', `--user=hexabase:${developer.email}`];
      expect(await mayNot('-n', 'developed', 'create', 'rolebinding', 'more', ...more)).toContain(
        cannot(
          developer,
          'create resource "rolebindings" in API group "rbac.authorization.k8s.io" in the namespace "developed"',
        ),
      );
    });

    it('a developer of one project has nothing of another one', async () => {
      succeed(await product.hks(['project', 'create', 'closed', '--workspace', slug]));
      await own('wait', '--for=jsonpath={.status.phase}=Active', 'namespace/closed', '--timeout=170s');
      await own('-n', 'closed', 'create', 'secret', 'generic', 'kept', '--from-literal=said=nothing');
      const given = ['developer', '--workspace', slug, '--project', 'developed', '--user', viewer.email];
      succeed(await product.hks(['assignment', 'create', ...given]));
      await until(
        async () => (await mayI(viewer, 'viewer', 'get', 'secrets', '-n', 'developed')) === '0 yes',
      );
      expect(await look('-n', 'developed', 'get', 'secret', 'word', '-o', 'jsonpath={.data.said}')).toBe(
        'c28=',
      );
      expect(await look('-n', 'developed', 'scale', 'deployment/web', '--replicas=0')).toContain('scaled');
      expect(await isRefused('-n', 'closed', 'get', 'secret', 'kept')).toContain(
        cannot(viewer, 'get resource "secrets" in API group "" in the namespace "closed"'),
      );
      expect(await isRefused('-n', 'closed', 'create', 'deployment', 'web', `--image=${image}`)).toContain(
        cannot(viewer, 'create resource "deployments" in API group "apps" in the namespace "closed"'),
      );
    });
  });

  it('deletes the workspace and leaves nothing on the host but its fence', async () => {
    const report = succeed(await product.hks(['workspace', 'delete', slug, '--yes'], { timeoutMs: 180_000 }));
    expect(report).toContain(`Workspace ${slug} is deleted.`);
    expect(report).toMatch(/[1-9]\d* removed, 0 left/);
    const gone = workspaceId;
    workspaceId = '';
    expect(await onHost.fails('get', 'namespace', `hexabase-ws-${gone}`)).toContain('not found');
    const kinds = 'clusterroles,clusterrolebindings,persistentvolumes,priorityclasses,storageclasses';
    expect(await onHost.kubectl('get', kinds, '-o', 'json')).not.toContain(gone);
    const kept = await onHost.kubectl(
      'get',
      'configmaps',
      '-A',
      '-l',
      `hexabase.ai/workspace-id=${gone}`,
      '-o',
      'name',
    );
    expect(kept).toBe(`configmap/hexabase-fence-${gone}\n`);
  });

  it('left nothing in the log that looks like a fault or a secret', () => {
    const log = readFileSync(join(product.dataDir, 'server.log'), 'utf8');
    expect(log).not.toContain(product.password);
    const faults = log.split('\n').filter((line) => line.includes('"level":50'));
    expect(faults.map((line) => line.slice(0, 400))).toEqual([]);
  });
});

/** The examples of the README, with an image that the host has. */
async function exampleFor(file: string, project: string): Promise<string> {
  const web = `["sh", "-c", "trap exit TERM; echo web started; while true; do sleep 1; echo still here; done"]`;
  return readFileSync(join(checkout, 'examples', file), 'utf8')
    .replaceAll(/namespace: my-app/g, `namespace: ${project}`)
    .replace('web.my-app.example.com', `web.${project}.example.com`)
    .replace(/image: busybox:.*/, `image: ${image}`)
    .replace(/image: nginxinc\/.*/, `image: ${image}\n          command: ${web}`)
    .replace(
      'securityContext:\n        runAsNonRoot: true\n',
      'securityContext:\n        runAsNonRoot: true\n        runAsUser: 65534\n',
    );
}
