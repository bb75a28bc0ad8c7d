import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { brandId } from '@hexabase/kernel/id.ts';
import { hostCluster } from '@hexabase/testkit/host-cluster.ts';
import { hostUnderTest, type HostUnderTest } from '@hexabase/testkit/vcluster-under-test.ts';
import { afterAll, beforeAll, describe, expect, it, vi } from 'vitest';
import { hostImage, hostKubectls, startOnHost, until } from './host-product.ts';
import { kubectlSession } from './kubectl-session.ts';
import { addPerson, succeed, type Person, type Product } from './product.ts';

const host = hostCluster('tenant');
const to = host?.tenantKubernetesVersion ?? '';
const from = host?.earlierKubernetesVersion ?? '';
/** A minor above, which is offered and whose image nobody has. */
const missing = `v1.${Number(to.split('.')[1]) + 1}.99`;
const minor = (version: string): string => /^v(\d+\.\d+)/.exec(version)?.[1] ?? '';
const reason = 'skipped, because the images of two Kubernetes versions are needed: ./hks test host --upgrade';

/** An upgrade is taken back when it is not healthy after ten minutes. */
const upgradeSeconds = 800;

vi.setConfig({ testTimeout: 900_000, hookTimeout: 400_000 });

/** One workspace over two minors of Kubernetes on a real vCluster, by the product's own operation. */
describe.skipIf(from === '' || host?.issuerAddress === null)(
  `an upgrade on a real host cluster (${from === '' ? reason : `${from} to ${to}`})`,
  () => {
    let product: Product;
    let viewer: Person;
    let botToken = '';
    let inside: HostUnderTest;
    const slug = 'upgraded';
    const [program = ''] = Object.values(hostKubectls(host));
    const settingsFor = (name: string): string => join(product.configDir, `${name}.yaml`);
    const owner = kubectlSession(program, () => ({ ...product.env, KUBECONFIG: settingsFor('owner') }));
    const asViewer = kubectlSession(program, () => ({ ...viewer.env, KUBECONFIG: settingsFor('viewer') }));
    const upgrade = (version: string) =>
      product.hks(['workspace', 'upgrade', slug, '--kubernetes-version', minor(version)], {
        timeoutMs: upgradeSeconds * 1_000,
      });
    const shown = async () =>
      JSON.parse(succeed(await product.hks(['workspace', 'get', slug, '-o', 'json']))) as {
        id: string;
        operationId: string;
        phase: string;
        runningVersion: string;
        conditions: { type: string; status: string; reason: string; message: string }[];
      };

    beforeAll(async () => {
      if (host) inside = await hostUnderTest(host, { reach: 'tunnel' });
      product = await startOnHost(host, { HKS_TENANT_KUBERNETES_VERSION: `${from},${to},${missing}` });
      succeed(await product.hks(['organization', 'update', 'my-organization', '--plan', 'pro']));
    });
    afterAll(async () => {
      await product?.hks(['workspace', 'delete', slug, '--yes'], { timeoutMs: 180_000 });
      await product?.[Symbol.asyncDispose]();
      await inside?.[Symbol.asyncDispose]();
    });

    it('begins with the earlier version, with data, people and a machine in it', async () => {
      succeed(await product.hks(['workspace', 'create', slug, '--plan', 'starter'], { timeoutMs: 300_000 }));
      expect(await shown()).toMatchObject({ phase: 'active', runningVersion: from });
      await writeFile(settingsFor('owner'), succeed(await product.hks(['kubeconfig', slug])));
      viewer = await addPerson(product, 'viewer');
      succeed(await product.hks(['member', 'add', viewer.email, '--role', 'viewer']));
      await writeFile(settingsFor('viewer'), succeed(await viewer.hks(['kubeconfig', slug])));
      await owner.kubectl('create', 'namespace', 'shop');
      await owner.kubectl('-n', 'shop', 'create', 'configmap', 'remembered', '--from-literal=since=before');
      await owner.kubectl('-n', 'shop', 'create', 'secret', 'generic', 'kept', '--from-literal=word=secret');
      await owner.kubectl(
        '-n',
        'shop',
        'create',
        'deployment',
        'idle',
        `--image=${hostImage}`,
        '--replicas=0',
      );
      await owner.kubectl('-n', 'shop', 'create', 'serviceaccount', 'bot');
      const read = ['--verb=get', '--resource=configmaps'];
      await owner.kubectl('-n', 'shop', 'create', 'role', 'reader', ...read);
      const bound = ['--role=reader', '--serviceaccount=shop:bot'];
      await owner.kubectl('-n', 'shop', 'create', 'rolebinding', 'bot-reads', ...bound);
      botToken = (await owner.kubectl('-n', 'shop', 'create', 'token', 'bot', '--duration=3h')).trim();
      await intact();
    });

    it('refuses two minors at once, before anything is written', async () => {
      const { code, stderr } = await upgrade(missing);
      expect(code).not.toBe(0);
      expect(stderr).toContain(
        `Kubernetes is upgraded one minor version at a time: go to ${minor(to)} first.`,
      );
      expect(await shown()).toMatchObject({ phase: 'active', runningVersion: from });
    });

    it('goes one minor up with everything that was in it', async () => {
      succeed(await upgrade(to));
      expect(await ended()).toMatchObject({ state: 'succeeded' });
      expect(await shown()).toMatchObject({ phase: 'active', runningVersion: to });
      expect(await owner.kubectl('version')).toContain(`Server Version: ${to}`);
      await intact();
    });

    it('refuses to go back', async () => {
      const { code, stderr } = await upgrade(from);
      expect(code).not.toBe(0);
      expect(stderr).toContain(`Kubernetes cannot go back from ${minor(to)} to ${minor(from)}`);
      await intact();
    });

    it('is put back by itself from a version whose image nobody has, and says so', async () => {
      const { code, stderr } = await upgrade(missing);
      expect(code).not.toBe(0);
      expect(stderr).toContain('The upgrade of upgraded has not been done');
      const { state, message } = await ended();
      expect(state).toBe('failed');
      expect(message).toMatch(
        new RegExp(`was not healthy after .*${missing}.* cannot be had.*going back to`),
      );
      await until(async () => (await shown()).phase === 'active', upgradeSeconds);
      const { runningVersion, conditions } = await shown();
      expect(runningVersion).toBe(to);
      expect(conditions.find(({ type }) => type === 'Upgraded')).toMatchObject({
        status: 'False',
        reason: 'RolledBack',
      });
      expect(succeed(await product.hks(['why', `workspace/${slug}`]))).toContain('going back to');
      await intact();
    });

    async function ended(): Promise<{ state: string; message: string }> {
      const { operationId } = await shown();
      return until(async () => {
        const text = succeed(await product.hks(['operation', 'get', operationId, '-o', 'json']));
        const operation = JSON.parse(text) as { state: string; message: string };
        return operation.state !== 'running' && operation;
      }, upgradeSeconds);
    }

    /** Data, what people may, and a token that was given out before. */
    async function intact(): Promise<void> {
      const since = ['-n', 'shop', 'get', 'configmap', 'remembered', '-o', 'jsonpath={.data.since}'];
      expect(await owner.kubectl(...since)).toBe('before');
      const word = ['-n', 'shop', 'get', 'secret', 'kept', '-o', 'jsonpath={.data.word}'];
      expect(Buffer.from(await owner.kubectl(...word), 'base64').toString()).toBe('secret');
      expect(await owner.kubectl('-n', 'shop', 'get', 'deployment', 'idle')).toContain('0/0');
      expect(await asViewer.kubectl(...since)).toBe('before');
      expect(await asViewer.fails('-n', 'shop', 'delete', 'configmap', 'remembered')).toMatch(/[Ff]orbidden/);
      expect(await botSeenInside()).toEqual({
        is: 'system:serviceaccount:shop:bot',
        reads: true,
        deletes: false,
      });
    }

    /** The gateway lets no machine of the tenant's own in, so its API is asked from beside it, as a pod would. */
    async function botSeenInside() {
      const { id } = await shown();
      const client = inside.driver().tenantClient(brandId<'Workspace'>(id));
      const review = async (group: string, kind: string, spec: object): Promise<Record<string, unknown>> => {
        const apiVersion = `${group}/v1`;
        const path = `/apis/${apiVersion}/${kind.toLowerCase()}s`;
        const { body } = await client.request({ method: 'POST', path, body: { apiVersion, kind, spec } });
        return (body as { status: Record<string, unknown> }).status;
      };
      const { user } = await review('authentication.k8s.io', 'TokenReview', { token: botToken });
      const is = (user as { username?: string } | undefined)?.username;
      const may = async (verb: string): Promise<unknown> => {
        const resourceAttributes = { namespace: 'shop', verb, resource: 'configmaps' };
        const spec = { user: is, resourceAttributes };
        return (await review('authorization.k8s.io', 'SubjectAccessReview', spec))['allowed'];
      };
      return { is, reads: await may('get'), deletes: await may('delete') };
    }
  },
);
