import { execFile } from 'node:child_process';
import { mkdtemp, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { kubeBinaries } from '@hexabase/testkit/host-cluster.ts';
import { kyvernoUser, startKyverno, withKyverno } from '@hexabase/testkit/host-policies/kyverno.ts';
import { writeKubeconfig } from '@hexabase/testkit/kube-api-server.ts';
import { policyHost, type PolicyHost } from '@hexabase/testkit/host-policies/policy-host.ts';
import { afterAll, beforeAll, describe, expect, it, onTestFinished, vi } from 'vitest';
import { policyFixtures, type PolicyFixture } from '../../../conformance/policy-fixtures.ts';
import type { ApplicableObject } from '../../../kube-api/apply.ts';
import { resourcePath } from '../../../kube-api/resource-path.ts';
import { refusedToLower } from '../host/fence.ts';
import { fenceRecordPolicy } from '../names.ts';
import { hostPolicies } from './host-policies.ts';
import type { HostPolicy } from './host-policy.ts';
import { kyvernoPolicy } from './kyverno.ts';

const run = promisify(execFile);
const binaries = withKyverno(kubeBinaries());

vi.setConfig({ testTimeout: 60_000, hookTimeout: 300_000 });

const rbac = 'rbac.authorization.k8s.io/v1';
const roleRef = { apiGroup: 'rbac.authorization.k8s.io', kind: 'ClusterRole', name: 'strong' };
const subjects = [{ kind: 'ServiceAccount', name: 'default', namespace: 'elsewhere' }];
const byHelm = { 'app.kubernetes.io/managed-by': 'Helm' };
const forEdit = { 'rbac.authorization.k8s.io/aggregate-to-edit': 'true' };
const widgets = [{ apiGroups: ['example.com'], resources: ['widgets'], verbs: ['*'] }];
const elsewhere = { name: 'theirs', namespace: 'elsewhere' };

/** None of these is about a workspace, or is what a policy for the whole host refuses. */
const ofOthers = [
  { do: 'create', object: { apiVersion: 'v1', kind: 'Namespace', metadata: { name: 'of-others' } } },
  {
    do: 'create',
    object: { apiVersion: 'v1', kind: 'Namespace', metadata: { name: 'of-others', labels: byHelm } },
  },
  {
    do: 'update',
    object: { apiVersion: 'v1', kind: 'Namespace', metadata: { name: 'elsewhere', labels: { team: 'a' } } },
  },
  {
    do: 'update',
    object: { apiVersion: 'v1', kind: 'Namespace', metadata: { name: 'elsewhere', labels: byHelm } },
  },
  { do: 'delete', object: { apiVersion: 'v1', kind: 'Namespace', metadata: { name: 'of-helm' } } },
  { do: 'create', object: { apiVersion: 'v1', kind: 'Secret', metadata: elsewhere } },
  {
    do: 'update',
    object: {
      apiVersion: 'v1',
      kind: 'ConfigMap',
      metadata: { name: 'foreign', namespace: 'elsewhere' },
      data: { a: 'b' },
    },
  },
  {
    do: 'update',
    object: { apiVersion: 'v1', kind: 'Node', metadata: { name: 'worker-1', labels: { disk: 'ssd' } } },
  },
  {
    do: 'create',
    object: { apiVersion: rbac, kind: 'ClusterRole', metadata: { name: 'of-others' }, rules: widgets },
  },
  {
    do: 'create',
    object: {
      apiVersion: rbac,
      kind: 'ClusterRole',
      metadata: { name: 'more-for-edit', labels: forEdit },
      rules: widgets,
    },
  },
  { do: 'create', object: { apiVersion: rbac, kind: 'Role', metadata: elsewhere, rules: widgets } },
  { do: 'create', object: { apiVersion: rbac, kind: 'RoleBinding', metadata: elsewhere, roleRef, subjects } },
  {
    do: 'create',
    object: {
      apiVersion: rbac,
      kind: 'ClusterRoleBinding',
      metadata: { name: 'of-others' },
      roleRef,
      subjects,
    },
  },
].map((one) => ({ ...one, name: '', expect: 'pass', as: 'operator' }) as PolicyFixture);

/** What the policies of the whole host refuse: it cannot be judged while Kyverno does not answer. */
const refusedToAll = hostPolicies
  .filter(({ scope }) => scope === 'cluster')
  .flatMap(({ name }) => fixtures(name, 'fail'));

function fixtures(policy: string, expected: 'pass' | 'fail'): PolicyFixture[] {
  return policyFixtures(policy).filter((one) => one.expect === expected);
}

/** Only Kyverno refuses here: none of the native forms is installed. */
describe.skipIf(binaries === null)('host policies in a real Kyverno', () => {
  let host: PolicyHost;
  let kyverno: AsyncDisposable;
  beforeAll(async () => {
    host = await policyHost(binaries ?? '', [kyvernoUser]);
    kyverno = await startKyverno(binaries ?? '', host);
  });
  afterAll(async () => {
    await kyverno?.[Symbol.asyncDispose]();
    await host?.[Symbol.asyncDispose]();
  });

  // One at a time: of two that refuse the same, whichever answers first is named.
  describe.each(hostPolicies)('$name', (policy) => {
    const { name } = policy;
    beforeAll(async () => {
      await install(policy);
      await inForce(name, true);
    });
    afterAll(async () => {
      const path = resourcePath('policies.kyverno.io/v1', 'ValidatingPolicy', { name });
      await host.as('administrator').request({ method: 'DELETE', path });
      await inForce(name, false);
    });

    it.each(policyFixtures(name))('$expect: $name', async (one) => {
      const { status, body } = await host.attempt(one);
      const said = JSON.stringify(body);
      if (one.expect === 'pass') expect(status, said).toBeLessThan(300);
      else {
        expect(status, said).toBe(400);
        expect(refusedToLower({ status, body })).toBe(name === fenceRecordPolicy);
        expect(said).toContain(`Policy ${name} failed: `);
        expect(said).toContain(one.says);
      }
    });
  });

  describe('all together', () => {
    beforeAll(async () => {
      for (const policy of hostPolicies) await install(policy);
      for (const { name } of hostPolicies) await inForce(name, true);
    });

    const passing = hostPolicies.flatMap(({ name }) => fixtures(name, 'pass'));
    it.each(passing)('let through: $name', async (one) => {
      const { status, body } = await host.attempt(one);
      expect(status, JSON.stringify(body)).toBeLessThan(300);
    });

    describe('while Kyverno does not answer', () => {
      beforeAll(() => kyverno[Symbol.asyncDispose]());

      it.each(['hexabase-pods-baseline', 'hexabase-services', 'hexabase-fence-inside'])(
        'refuse whatever %s is about',
        async (name) => {
          const [allowed] = fixtures(name, 'pass');
          if (!allowed) throw new Error(`${name} has no passing fixture`);
          const { status, body } = await host.attempt(allowed);
          expect(status, JSON.stringify(body)).toBe(500);
          expect(JSON.stringify(body)).toContain('failed calling webhook');
        },
      );

      it.each(refusedToAll)('refuse to everybody: $name', async (one) => {
        const { status, body } = await host.attempt(one);
        expect(status, JSON.stringify(body)).toBe(500);
        expect(JSON.stringify(body)).toContain('failed calling webhook');
      });

      it.each(ofOthers)('let others go on: $do $object.kind $object.metadata', async (one) => {
        const { status, body } = await host.attempt(one);
        expect(status, JSON.stringify(body)).toBeLessThan(300);
      });

      it('let nodes say how the pods of workspaces are', async () => {
        const byNodes = fixtures('hexabase-pods-status', 'pass').filter((one) => one.as === 'node');
        expect(byNodes).not.toEqual([]);
        for (const one of byNodes) {
          const { status, body } = await host.attempt(one);
          expect(status, JSON.stringify(body)).toBeLessThan(300);
        }
      });

      it('let Kyverno itself be installed again', async () => {
        const chart: ApplicableObject[] = JSON.parse(
          await readFile(join(binaries ?? '', 'kyverno.json'), 'utf8'),
        );
        for (const object of chart.filter(({ kind }) => kind !== 'Pod')) {
          const again = { name: '', expect: 'pass', as: 'administrator', do: 'apply', object } as const;
          const { status, body } = await host.attempt(again);
          expect(status, JSON.stringify(body)).toBeLessThan(300);
        }
      });

      it('let everything go on, and refuse nothing, once its webhooks are deleted', async () => {
        const folder = await mkdtemp(join(tmpdir(), 'hks-kyverno-'));
        onTestFinished(() => rm(folder, { recursive: true }));
        const kubeconfig = join(folder, 'kubeconfig');
        const { url, certificateAuthority: authority } = host.server;
        await writeKubeconfig(kubeconfig, { url, authority, token: 'administrator' });
        const deletes = 'delete validatingwebhookconfigurations -l webhook.kyverno.io/managed-by=kyverno';
        await run(join(binaries ?? '', 'kubectl'), ['--kubeconfig', kubeconfig, ...deletes.split(' ')]);
        const goesOn = async (): Promise<void> => {
          for (const one of refusedToAll) {
            const { status, body } = await host.attempt(one);
            expect(status, JSON.stringify(body)).toBeLessThan(300);
          }
        };
        await vi.waitFor(goesOn, { timeout: 20_000, interval: 200 });
      });
    });
  });

  async function install(policy: HostPolicy): Promise<void> {
    const { status, body } = await host.create(kyvernoPolicy(policy));
    expect(status, JSON.stringify(body)).toBe(201);
  }

  /** The API server and Kyverno learn of it some moments after it was written or deleted. */
  async function inForce(policy: string, wanted: boolean): Promise<void> {
    const refused = fixtures(policy, 'fail');
    expect(refused).not.toEqual([]);
    const asWanted = async (): Promise<void> => {
      const answers = await Promise.all(refused.map((one) => host.attempt(one)));
      const said = JSON.stringify(answers.map(({ body }) => body));
      expect(said.includes(`Policy ${policy} failed`), said).toBe(wanted);
    };
    await vi.waitFor(asWanted, { timeout: 60_000, interval: 200 });
  }
});
