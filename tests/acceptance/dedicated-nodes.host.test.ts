import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { hostCluster } from '@hexabase/testkit/host-cluster.ts';
import { afterAll, beforeAll, describe, expect, it, vi } from 'vitest';
import { nodePlan } from '../hostcluster/settings.ts';
import { hostImage, hostKubectls, idling, startOnHost, until } from './host-product.ts';
import { kubectlSession, type KubectlSession } from './kubectl-session.ts';
import { succeed, type Product } from './product.ts';
import { checkout, run } from './programs.ts';

// A vCluster takes its time to start, and more of it on a busy machine.
vi.setConfig({ testTimeout: 400_000, hookTimeout: 400_000 });

/** Needs a second node that nobody else uses: that of tests/hostcluster. */
const given = hostCluster('tenant');
const host = given?.binaries && given.issuerAddress ? given : null;
const pool = 'hexabase.ai/pool';
const { name: node, taints } = nodePlan(2);
const slugs = { own: 'on-own-nodes', shared: 'among-others' } as const;

interface Pod {
  metadata: { name: string };
  spec: {
    nodeName?: string;
    nodeSelector?: Record<string, string>;
    tolerations?: { key?: string; value?: string }[];
  };
  status: { phase: string };
}

/** Two workspaces beside each other, one of them with a node of its own, as docs/operations/isolation.md has it. */
describe.skipIf(host === null)('nodes of one’s own', () => {
  let product: Product;
  const ids = { own: '', shared: '' };
  const [program = ''] = Object.values(hostKubectls(host));
  const onHost = kubectlSession(program, () => ({ PATH: process.env['PATH'], KUBECONFIG: host?.kubeconfig }));
  const within = (which: keyof typeof slugs): KubectlSession =>
    kubectlSession(program, () => ({ ...product.env, KUBECONFIG: join(product.configDir, `${which}.yaml`) }));
  const own = within('own');
  const shared = within('shared');
  const podsOf = async (which: keyof typeof slugs): Promise<Pod[]> =>
    (await onHost.json('-n', `hexabase-ws-${ids[which]}`, 'get', 'pods')).items as Pod[];

  beforeAll(async () => {
    product = await startOnHost(host);
    succeed(await product.hks(['organization', 'update', 'my-organization', '--plan', 'pro']));
  });
  afterAll(async () => {
    for (const which of ['own', 'shared'] as const)
      if (ids[which] !== '')
        await product.hks(['workspace', 'delete', slugs[which], '--yes'], { timeoutMs: 180_000 });
    await onHost.kubectl('label', 'node', node, `${pool}-`);
    await onHost.kubectl('taint', 'node', node, `${pool}-`).catch(() => '');
    for (const { key, value, effect } of taints)
      await onHost.kubectl('taint', 'node', node, '--overwrite', `${key}=${value}:${effect}`);
    await product?.[Symbol.asyncDispose]();
  });

  async function make(which: keyof typeof slugs, ...more: string[]): Promise<void> {
    const create = ['workspace', 'create', slugs[which], '--plan', 'pro', '--no-wait', ...more];
    succeed(await product.hks(create));
    const { id } = JSON.parse(
      succeed(await product.hks(['workspace', 'get', slugs[which], '-o', 'json'])),
    ) as {
      id: string;
    };
    ids[which] = id;
  }

  async function active(which: keyof typeof slugs): Promise<void> {
    await until(async () => {
      const { stdout } = await product.hks(['workspace', 'get', slugs[which], '-o', 'json']);
      return /"phase": *"active"/.test(stdout);
    });
    const kubeconfig = succeed(await product.hks(['kubeconfig', slugs[which]]));
    await writeFile(join(product.configDir, `${which}.yaml`), kubeconfig);
  }

  it('are refused on a host that has none for that', async () => {
    const create = [
      'workspace',
      'create',
      slugs.own,
      '--plan',
      'pro',
      '--isolation',
      'dedicated',
      '--no-wait',
    ];
    const { code, stderr } = await product.hks(create);
    expect(code).not.toBe(0);
    expect(stderr).toMatch(/dedicated/);
  });

  it('are waited for, and the reason is told', async () => {
    const update = ['host', 'update', 'default', '--dedicated', 'true'];
    succeed(await run(join(checkout, 'hexabase-cli'), update, { env: product.env }));
    await make('own', '--isolation', 'dedicated');
    await make('shared');
    const said = await until(async () => {
      const { stdout } = await product.hks(['why', `workspace/${slugs.own}`]);
      return stdout.includes('Unschedulable') && stdout;
    });
    expect(said).toContain('No node of the host cluster default can take the control plane');
  });

  it('carry the control plane and the pods of their workspace', async () => {
    await onHost.kubectl('taint', 'node', node, `${pool}=${ids.own}:NoSchedule`);
    await onHost.kubectl('label', 'node', node, `${pool}=${ids.own}`);
    // From here on the taint of the workspace alone keeps others away.
    for (const { key } of taints) await onHost.kubectl('taint', 'node', node, `${key}-`);
    await active('own');
    const made = await own.kubectl(
      'create',
      'deployment',
      'web',
      `--image=${hostImage}`,
      '--replicas=3',
      ...idling,
    );
    expect(made).toContain('created');
    await own.kubectl('rollout', 'status', 'deployment/web', '--timeout=170s');
    const pods = await podsOf('own');
    expect(pods.length).toBeGreaterThanOrEqual(5);
    for (const { metadata, spec } of pods) {
      expect(spec.nodeName, metadata.name).toBe(node);
      expect(spec.nodeSelector, metadata.name).toMatchObject({ [pool]: ids.own });
      expect(spec.tolerations, metadata.name).toContainEqual(
        expect.objectContaining({ key: pool, value: ids.own }),
      );
    }
    expect((await own.kubectl('get', 'nodes', '-o', 'name')).trim()).toBe(`node/${node}`);
  });

  it('carry nobody else, not even who asks for them', async () => {
    await active('shared');
    await shared.kubectl('create', 'deployment', 'web', `--image=${hostImage}`, '--replicas=3', ...idling);
    await shared.kubectl('rollout', 'status', 'deployment/web', '--timeout=170s');
    const pods = await podsOf('shared');
    expect(pods.length).toBeGreaterThanOrEqual(5);
    expect(pods.map(({ spec }) => spec.nodeName)).not.toContain(node);
  });

  it.each([
    {
      asks: 'tolerates-it',
      wish: { tolerations: [{ key: pool, operator: 'Exists' }] },
      sentence: 'may not tolerate the taint',
    },
    {
      asks: 'tolerates-all',
      wish: { tolerations: [{ operator: 'Exists' }] },
      sentence: 'may not tolerate the taint',
    },
    {
      asks: 'selects-it',
      wish: { nodeSelector: { [pool]: 'OWN' } },
      sentence: 'may not select dedicated nodes',
    },
    { asks: 'names-it', wish: { nodeName: node }, sentence: 'may not name their node' },
  ])('refuse a pod of a shared workspace that $asks, and its owner reads why', async (pod) => {
    const spec = JSON.stringify({ spec: pod.wish }).replace('OWN', ids.own);
    await shared.kubectl('run', pod.asks, `--image=${hostImage}`, `--overrides=${spec}`, ...idling);
    const said = await until(async () => {
      const text = await shared.kubectl(
        'get',
        'events',
        '--field-selector',
        `involvedObject.name=${pod.asks}`,
      );
      return text.includes(pod.sentence) && text;
    });
    expect(said).toContain('hexabase-pods-placement');
    expect((await podsOf('shared')).map(({ metadata }) => metadata.name).join(' ')).not.toContain(pod.asks);
  });

  it('keep their label, also when their own kubelet would take it off', async () => {
    const kubelet = ['--as', `system:node:${node}`, '--as-group', 'system:nodes'];
    const given = `${pool}=${ids.shared}`;
    expect(await onHost.fails(...kubelet, 'label', 'node', node, '--overwrite', given)).toContain(
      `the label ${pool} of a node is set by administrators only`,
    );
  });
});
