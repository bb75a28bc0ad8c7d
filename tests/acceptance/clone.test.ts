import { mkdir, symlink, writeFile } from 'node:fs/promises';
import { request } from 'node:https';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { parse } from 'yaml';
import { commandsOf, inTerminal, shows } from './guide-commands.ts';
import { kubectlSession, type KubectlSession } from './kubectl-session.ts';
import { addPerson, startProduct, succeed, type Product } from './product.ts';
import { checkout, kubectls, run } from './programs.ts';

const app = join(checkout, 'examples/app.yaml');
const [newest] = Object.values(kubectls());

/** A workspace is copied as somebody would do it, and looked at with kubectl. */
describe.skipIf(newest === undefined)('a clone', () => {
  let product: Product;
  /** With a kubectl, as people have one. */
  let bin: string;
  let source: KubectlSession;

  async function sessionOf(slug: string): Promise<KubectlSession> {
    const file = join(product.configDir, `${slug}.yaml`);
    await writeFile(file, succeed(await product.hks(['kubeconfig', slug])));
    return kubectlSession(newest ?? '', () => ({ ...product.env, KUBECONFIG: file }));
  }

  async function workspace(slug: string): Promise<{ id: string; clone: unknown }> {
    return JSON.parse(succeed(await product.hks(['workspace', 'get', slug, '-o', 'json'])));
  }

  beforeAll(async () => {
    product = await startProduct();
    bin = join(product.configDir, 'bin');
    await mkdir(bin);
    await symlink(newest ?? '', join(bin, 'kubectl'));
    succeed(await product.hks(['organization', 'update', 'my-organization', '--plan', 'enterprise']));
    succeed(await product.hks(['workspace', 'create', 'production', '--slug', 'production']));
    succeed(await product.hks(['project', 'create', 'my-app', '--workspace', 'production']));
    source = await sessionOf('production');
    await source.kubectl(
      'wait',
      '--for=jsonpath={.status.phase}=Active',
      'namespace/my-app',
      '--timeout=30s',
    );
    await source.kubectl('apply', '-f', app, '-f', join(checkout, 'examples/cronjob.yaml'));
    await source.kubectl('-n', 'my-app', 'rollout', 'status', 'deployment/web', '--timeout=60s');
    await source.kubectl('create', 'namespace', 'lab');
    await source.kubectl('-n', 'lab', 'create', 'configmap', 'notes', '--from-literal=a=1');
    await source.kubectl(
      '-n',
      'lab',
      'create',
      'job',
      'once',
      '--image=registry.example/once:1',
      '--',
      'true',
    );
    await source.kubectl('-n', 'lab', 'wait', '--for=condition=complete', 'job/once', '--timeout=60s');
  });
  afterAll(() => product[Symbol.asyncDispose]());

  it.each(commandsOf('clone.md', ['you']))('as the guide makes it: $text', async ({ text, answer }) => {
    const env = { ...product.env, PATH: `${bin}:${product.env['PATH']}` };
    const { code, stdout, stderr } = await run('/bin/sh', ['-c', inTerminal('clone.md', text)], {
      env,
      cwd: product.configDir,
    });
    expect(code, stderr).toBe(0);
    expect(answer.filter((line) => !shows(`${stdout}${stderr}`, line))).toEqual([]);
  });

  it('shows its steps, and says whose copy it is', async () => {
    const { stderr } = await product.hks(['workspace', 'clone', 'production', 'another']);
    expect(stderr).toContain('Reading the workspace that is cloned');
    expect(stderr).toContain('Copying the objects');
    const [{ id }, { clone }] = [await workspace('production'), await workspace('another')];
    expect(clone).toMatchObject({ sourceId: id, sourceSlug: 'production' });
  });

  it('runs what the source runs, in projects of its own, with addresses of its own', async () => {
    const copy = await sessionOf('staging');
    expect(
      await copy.kubectl('-n', 'my-app', 'rollout', 'status', 'deployment/web', '--timeout=60s'),
    ).toContain('successfully rolled out');
    expect(await copy.kubectl('apply', '-f', app)).toMatch(/deployment\.apps\/web unchanged/);
    expect(await copy.kubectl('-n', 'lab', 'get', 'configmap', 'notes', '-o', 'jsonpath={.data.a}')).toBe(
      '1',
    );
    expect(await copy.kubectl('-n', 'lab', 'get', 'jobs')).toBe('');
    await copy.kubectl(
      'wait',
      '--for=jsonpath={.metadata.labels.project-name}=lab',
      'namespace/lab',
      '--timeout=30s',
    );
    const projects = succeed(await product.hks(['project', 'list', '--workspace', 'staging']));
    for (const name of ['my-app', 'lab']) expect(projects).toContain(name);
    const uid = (one: KubectlSession) =>
      one.kubectl('get', 'namespace', 'my-app', '-o', 'jsonpath={.metadata.uid}');
    expect(await uid(copy)).not.toBe(await uid(source));
    const label = 'jsonpath={.metadata.labels.workspace-id}';
    const { id } = await workspace('staging');
    expect(await copy.kubectl('get', 'namespace', 'my-app', '-o', label)).toBe(id);
  });

  it('and its source go different ways from then on', async () => {
    const copy = await sessionOf('staging');
    await copy.kubectl('-n', 'my-app', 'delete', 'deployment', 'web');
    await source.kubectl('-n', 'lab', 'create', 'configmap', 'later');
    expect(await source.kubectl('-n', 'my-app', 'get', 'deployment', 'web')).toMatch(/2\/2/);
    expect(await copy.fails('-n', 'lab', 'get', 'configmap', 'later')).toContain('NotFound');
  });

  it('does not take a token for its source', async () => {
    const { id } = await workspace('production');
    const credential = JSON.parse(succeed(await product.hks(['kube-credential', '--workspace', id])));
    const config = parse(succeed(await product.hks(['kubeconfig', 'staging'])));
    const { server, 'certificate-authority-data': ca } = config.clusters[0].cluster;
    const status = await new Promise((done, fail) => {
      const headers = { authorization: `Bearer ${credential.status.token}` };
      const path = `${server}/api/v1/namespaces`;
      request(path, { ca: Buffer.from(ca, 'base64'), headers }, (answer) => {
        answer.resume();
        done(answer.statusCode);
      })
        .on('error', fail)
        .end();
    });
    expect(status).toBe(401);
  });

  it('of a sleeping workspace works too', async () => {
    expect(succeed(await product.hks(['workspace', 'sleep', 'staging']))).toMatch(/staging +\w+ +asleep/);
    const { stdout, stderr, code } = await product.hks(['workspace', 'clone', 'staging', 'second copy']);
    expect(code, stderr).toBe(0);
    expect(stdout).toMatch(/second-copy +\w+ +active/);
    // Each waits for its end, so that the next may follow at once.
    expect(succeed(await product.hks(['workspace', 'wake', 'staging']))).toMatch(/staging +\w+ +active/);
    const { code: skipped, stderr: why } = await product.hks([
      'workspace',
      'upgrade',
      'staging',
      '--kubernetes-version',
      '1.99',
    ]);
    expect(skipped).not.toBe(0);
    expect(why).not.toContain('asleep');
    const copy = await sessionOf('second-copy');
    expect(await copy.kubectl('-n', 'lab', 'get', 'configmap', 'notes', '-o', 'jsonpath={.data.a}')).toBe(
      '1',
    );
  });

  it('is not for those who may only read the source', async () => {
    const reader = await addPerson(product, 'reader');
    succeed(await product.hks(['member', 'add', reader.email, '--role', 'developer']));
    const { code, stderr } = await reader.hks(['workspace', 'clone', 'production', 'mine']);
    expect(code).not.toBe(0);
    expect(stderr).toContain('Your role does not allow this');
  });
});
