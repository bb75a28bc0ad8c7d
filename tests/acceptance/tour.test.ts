import { readFileSync } from 'node:fs';
import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { kubectlSession } from './kubectl-session.ts';
import { startProduct, succeed, type Product } from './product.ts';
import { checkout, kubectls } from './programs.ts';

const app = join(checkout, 'examples/app.yaml');
const cronJob = join(checkout, 'examples/cronjob.yaml');

/** The five-minute tour of the README: every command, in order, with real kubectls against the product as it starts. */
describe.skipIf(Object.keys(kubectls()).length === 0)('the tour', () => {
  let product: Product;
  beforeAll(async () => {
    product = await startProduct();
    succeed(await product.hks(['organization', 'update', 'my-organization', '--plan', 'pro']));
  });
  afterAll(() => product[Symbol.asyncDispose]());

  describe.each(Object.entries(kubectls()))('with kubectl %s', (version, kubectlPath) => {
    const name = `my workspace for ${version}`;
    const slug = `my-workspace-for-${version.replace('.', '-')}`;
    const env = (): NodeJS.ProcessEnv => ({
      ...product.env,
      KUBECONFIG: join(product.configDir, `${version}.yaml`),
    });
    const { kubectl, untilSeen, fails, json } = kubectlSession(kubectlPath, env);

    it('makes a workspace and tells the steps', async () => {
      const { code, stdout, stderr } = await product.hks(['workspace', 'create', name, '--plan', 'starter']);
      expect(code, stderr).toBe(0);
      expect(stdout).toMatch(new RegExp(`${slug} +starter +active`));
      expect(stderr).toMatch(/\[\d+\/\d+\] \w+/);
    });

    it('prints a kubeconfig without a secret in it', async () => {
      const text = succeed(await product.hks(['kubeconfig', slug]));
      expect(text).toContain('interactiveMode: Never');
      expect(text).not.toMatch(/token:|password:|client-key/);
      await writeFile(join(product.configDir, `${version}.yaml`), text);
    });

    it('lets kubectl find the cluster, its nodes and who one is', async () => {
      expect(await kubectl('config', 'current-context')).toBe(`hexabase-${slug}\n`);
      expect(await kubectl('cluster-info')).toContain(`is running at`);
      expect(await kubectl('get', 'nodes')).toMatch(/simulated-node-1\s+Ready/);
      expect(await kubectl('auth', 'whoami')).toContain('hexabase:owner@hexabase.local');
      expect(await kubectl('auth', 'can-i', '--list')).toMatch(/\*\.\*\s+\[\]\s+\[\]\s+\[\*\]/);
      expect(await kubectl('auth', 'can-i', 'create', 'deployments.apps', '-n', 'default')).toBe('yes\n');
    });

    it('makes a project, which is a namespace', async () => {
      expect(succeed(await product.hks(['project', 'create', 'my-app', '--workspace', slug]))).toContain(
        'my-app',
      );
      await kubectl('wait', '--for=jsonpath={.status.phase}=Active', 'namespace/my-app', '--timeout=30s');
      expect(succeed(await product.hks(['project', 'list', '--workspace', slug]))).toContain('my-app');
    });

    it('applies an application and rolls it out', async () => {
      const applied = await kubectl('apply', '-f', app);
      for (const made of [
        'configmap/web',
        'secret/web',
        'deployment.apps/web',
        'service/web',
        'ingress.networking.k8s.io/web',
      ]) {
        expect(applied).toContain(`${made} created`);
      }
      expect(await kubectl('-n', 'my-app', 'rollout', 'status', 'deployment/web', '--timeout=60s')).toContain(
        'successfully rolled out',
      );
      const shown = await kubectl('-n', 'my-app', 'get', 'deployments,pods,svc,ingress');
      expect(shown).toMatch(/deployment\.apps\/web\s+2\/2/);
      expect(shown.match(/pod\/web-\S+\s+1\/1\s+Running/g)).toHaveLength(2);
      expect(shown).toMatch(/service\/web\s+ClusterIP\s+\d+\./);
      expect(shown).toMatch(/web\.my-app\.example\.com/);
      expect(await kubectl('apply', '-f', app)).toMatch(/deployment\.apps\/web unchanged/);
    });

    it('scales, and a watch shows the new pods', async () => {
      expect(await kubectl('-n', 'my-app', 'scale', 'deployment/web', '--replicas=5')).toContain('scaled');
      const watched = await untilSeen(/(?:1\/1\s+Running[^]*){5}/, '-n', 'my-app', 'get', 'pods', '-w');
      expect(new Set(watched.match(/^web-\S+(?=\s+1\/1\s+Running)/gm))).toHaveLength(5);
      await kubectl(
        '-n',
        'my-app',
        'wait',
        '--for=jsonpath={.status.readyReplicas}=5',
        'deployment/web',
        '--timeout=60s',
      );
      expect((await json('-n', 'my-app', 'get', 'pods', '-l', 'app=web')).items).toHaveLength(5);
    });

    it('shows logs, which say that they are simulated, and follows them', async () => {
      const lines = await kubectl('-n', 'my-app', 'logs', '-l', 'app=web');
      expect(lines.match(/^\[simulated\]/gm)).toHaveLength(5);
      const followed = await untilSeen(/GET \//, '-n', 'my-app', 'logs', '-f', 'deployment/web');
      expect(followed).toContain('[simulated] container "web"');
    });

    it('describes a pod', async () => {
      const [pod] = (await kubectl('-n', 'my-app', 'get', 'pods', '-o', 'name')).split('\n');
      const described = await kubectl('-n', 'my-app', 'describe', String(pod));
      expect(described).toMatch(/Controlled By:\s+ReplicaSet\/web-/);
      expect(described).toMatch(/Ready:\s+True/);
      expect(described).toContain('Successfully assigned my-app/');
      expect(described).toContain("<set to the key 'api-key' in secret 'web'>");
    });

    it('measures nodes and pods, counts the quota, lists events', async () => {
      expect(await kubectl('top', 'nodes')).toMatch(/simulated-node-1\s+\d+m\s+\d+%\s+\d+Mi/);
      expect((await kubectl('top', 'pods', '-n', 'my-app')).match(/web-\S+\s+\d+m\s+\d+Mi/g)).toHaveLength(5);
      const quota = await kubectl('-n', 'my-app', 'get', 'resourcequota', '-o', 'yaml');
      expect(quota).toMatch(/used:\n(?:\s+\S+: .*\n)*?\s+limits\.cpu: 500m/);
      expect(quota).toMatch(/hard:\n(?:\s+\S+: .*\n)*?\s+limits\.cpu: "4"/);
      const events = await kubectl('get', 'events', '-A');
      expect(events).toContain('Scaled up replica set');
      expect(events).toContain('Successfully assigned');
    });

    it('shows an image that cannot be pulled, and undoes it', async () => {
      await kubectl('-n', 'my-app', 'set', 'image', 'deployment/web', 'web=nginx:nope-no-such-tag');
      expect(await untilSeen(/ImagePullBackOff/, '-n', 'my-app', 'get', 'pods', '-w')).toContain(
        'ImagePullBackOff',
      );
      expect(
        await kubectl(
          '-n',
          'my-app',
          'get',
          'deployment',
          'web',
          '-o',
          'jsonpath={.status.availableReplicas}',
        ),
      ).toBe('4');
      expect(await kubectl('-n', 'my-app', 'rollout', 'history', 'deployment/web')).toMatch(/^1 [^]*^2 /m);
      expect(await kubectl('-n', 'my-app', 'rollout', 'undo', 'deployment/web')).toContain('rolled back');
      await kubectl('-n', 'my-app', 'rollout', 'status', 'deployment/web', '--timeout=60s');
      const image = 'jsonpath={.spec.template.spec.containers[0].image}';
      expect(await kubectl('-n', 'my-app', 'get', 'deployment', 'web', '-o', image)).toBe(
        'nginxinc/nginx-unprivileged:1.27',
      );
      expect(
        (await json('-n', 'my-app', 'get', 'pods', '-l', 'app=web', '--field-selector=status.phase=Running'))
          .items,
      ).toHaveLength(5);
    });

    it('runs a job of a cron job and shows its log', async () => {
      expect(await kubectl('apply', '-f', cronJob)).toBe('cronjob.batch/report created\n');
      expect(await kubectl('-n', 'my-app', 'create', 'job', '--from=cronjob/report', 'once')).toBe(
        'job.batch/once created\n',
      );
      await kubectl('-n', 'my-app', 'wait', '--for=condition=complete', 'job/once', '--timeout=60s');
      expect(await kubectl('-n', 'my-app', 'logs', 'job/once')).toContain('simulated');
      expect(await kubectl('-n', 'my-app', 'get', 'job', 'once', '-o', 'jsonpath={.status.succeeded}')).toBe(
        '1',
      );
    });

    it('removes the application and its namespace', async () => {
      expect(await kubectl('-n', 'my-app', 'delete', '-f', app)).toContain('deployment.apps "web" deleted');
      expect(await fails('-n', 'my-app', 'get', 'deployment', 'web')).toContain(
        'deployments.apps "web" not found',
      );
      expect(await kubectl('delete', 'namespace', 'my-app')).toContain('namespace "my-app" deleted');
      expect(await fails('get', 'namespace', 'my-app')).toContain('namespaces "my-app" not found');
    });

    it('deletes the workspace only when its name is confirmed, and reports that nothing is left', async () => {
      const unasked = await product.hks(['workspace', 'delete', slug]);
      expect(unasked.code).toBe(1);
      expect(unasked.stderr).toContain('--yes');
      const report = succeed(await product.hks(['workspace', 'delete', slug, '--yes']));
      expect(report).toContain(`Workspace ${slug} is deleted.`);
      expect(report).toMatch(/removed {2}kubernetes-cluster/);
      expect(report).toMatch(/[1-9]\d* removed, 0 left/);
      expect(await fails('get', 'nodes')).toContain('the workspace is gone');
      expect(succeed(await product.hks(['workspace', 'list']))).not.toContain(slug);
    });
  });

  it('left nothing in the log that looks like a fault or a secret', () => {
    const log = readFileSync(join(product.dataDir, 'server.log'), 'utf8');
    expect(log).not.toContain(product.password);
    const faults = log.split('\n').filter((line) => line.includes('"level":50'));
    expect(faults.map((line) => line.slice(0, 400))).toEqual([]);
  });
});
