import { kubeBinaries } from '@hexabase/testkit/host-cluster.ts';
import { policyHost, type PolicyHost } from '@hexabase/testkit/host-policies/policy-host.ts';
import { afterAll, beforeAll, describe, expect, it, vi } from 'vitest';
import { policyFixtures } from '../../../conformance/policy-fixtures.ts';
import { resourcePath } from '../../../kube-api/resource-path.ts';
import { refusedToLower } from '../host/fence.ts';
import { fenceRecordPolicy } from '../names.ts';
import { accessQuestions } from '../required-rights.ts';
import { ensureHostPolicies } from './ensure-host-policies.ts';
import { hostPolicies, installedPolicies } from './host-policies.ts';
import { matching, type HostPolicy } from './host-policy.ts';
import { nativePolicy } from './native.ts';
import { policyDrift } from './policy-drift.ts';

const binaries = kubeBinaries();

/** A policy that somebody else on the host has. */
const others: HostPolicy = {
  name: 'of-others',
  scope: 'cluster',
  purpose: 'Says nothing.',
  match: matching('/v1', [['configmaps', 'ConfigMap']], ['CREATE']),
  validations: [{ expression: 'true', message: 'never said' }],
};

describe.skipIf(binaries === null)('host policies in a real kube-apiserver', () => {
  let host: PolicyHost;
  beforeAll(async () => {
    host = await policyHost(binaries ?? '');
  });
  afterAll(() => host?.[Symbol.asyncDispose]());

  it('the account of the control plane has every right that it says it needs, and no other way to more', async () => {
    const asked = async (attributes: object): Promise<unknown> => {
      const { body } = await host.as('hexabase').request({
        method: 'POST',
        path: '/apis/authorization.k8s.io/v1/selfsubjectaccessreviews',
        body: {
          apiVersion: 'authorization.k8s.io/v1',
          kind: 'SelfSubjectAccessReview',
          spec: { resourceAttributes: attributes },
        },
      });
      return (body as { status: { allowed: boolean } }).status.allowed;
    };
    for (const { attributes } of accessQuestions())
      expect(await asked(attributes), JSON.stringify(attributes)).toBe(true);
    for (const verb of ['escalate', 'bind', '*'])
      expect(await asked({ group: 'rbac.authorization.k8s.io', resource: 'clusterroles', verb })).toBe(false);
    expect(await asked({ group: '', resource: 'nodes', subresource: 'proxy', verb: 'get' })).toBe(false);
    expect(await asked({ group: '', resource: 'users', verb: 'impersonate' })).toBe(false);
  });

  it('the control plane installs them by itself, and a second time changes nothing', async () => {
    expect(await ensureHostPolicies(host.as('hexabase'))).toBe('installed');
    const versions = async (): Promise<string[]> => {
      const path = resourcePath('admissionregistration.k8s.io/v1', 'ValidatingAdmissionPolicy');
      const { body } = await host.as('hexabase').request({ method: 'GET', path });
      const { items } = body as { items: { metadata: { name: string; generation: number } }[] };
      return items.map(({ metadata }) => `${metadata.name} ${metadata.generation}`);
    };
    const before = await versions();
    expect(before).toHaveLength(installedPolicies.length);
    expect(await ensureHostPolicies(host.as('hexabase'))).toBe('installed');
    expect(await versions()).toEqual(before);
  });

  it('the control plane has no way to the policies of others', async () => {
    for (const object of nativePolicy({ ...others, name: 'of-others' })) {
      const path = resourcePath(object.apiVersion, object.kind, { name: 'of-others' });
      const query = '?fieldManager=hexabase&force=true&dryRun=All';
      const contentType = 'application/apply-patch+yaml';
      const make = (who: 'hexabase' | 'administrator', method: 'PATCH' | 'DELETE') =>
        host.as(who).request({ method, path: path + query, contentType, body: object });
      expect((await make('hexabase', 'PATCH')).status).toBe(403);
      expect((await host.create(object)).status).toBe(201);
      expect((await make('hexabase', 'PATCH')).status).toBe(403);
      expect((await make('hexabase', 'DELETE')).status).toBe(403);
      expect((await host.as('administrator').request({ method: 'DELETE', path })).status).toBe(200);
    }
  });

  it('without the role to write policies, the control plane says so and still reads them', async () => {
    const path = resourcePath('rbac.authorization.k8s.io/v1', 'ClusterRoleBinding', {
      name: 'hexabase-host-policies',
    });
    const weakened = resourcePath('admissionregistration.k8s.io/v1', 'ValidatingAdmissionPolicyBinding', {
      name: 'hexabase-nodes',
    });
    expect((await host.as('administrator').request({ method: 'DELETE', path })).status).toBe(200);
    expect((await host.as('administrator').request({ method: 'DELETE', path: weakened })).status).toBe(200);
    await vi.waitFor(async () => expect(await ensureHostPolicies(host.as('hexabase'))).toBe('not-allowed'), {
      timeout: 20_000,
      interval: 100,
    });
    const drift = await policyDrift(host.as('hexabase'), AbortSignal.timeout(10_000));
    expect(drift.map(({ wanted }) => wanted.metadata.name)).toEqual(['hexabase-nodes']);
    for (const { wanted } of drift) expect((await host.create(wanted)).status).toBe(201);
  });

  it('says when it has no right to install them', async () => {
    expect(await ensureHostPolicies(host.as('operator'))).toBe('not-allowed');
  });

  it('an administrator adds those that bind everybody', async () => {
    const others = hostPolicies.filter(({ scope }) => scope === 'cluster');
    for (const policy of others)
      for (const object of nativePolicy(policy)) expect((await host.create(object)).status).toBe(201);
  });

  describe.each(hostPolicies)('$name', ({ name }) => {
    beforeAll(() => active(name));

    it.each(policyFixtures(name))('$expect: $name', async (one) => {
      const { status, body } = await host.attempt(one);
      const said = JSON.stringify(body);
      if (one.expect === 'pass') expect(status, said).toBeLessThan(300);
      else {
        expect([403, 422], said).toContain(status);
        expect(refusedToLower({ status, body })).toBe(name === fenceRecordPolicy);
        expect(said).toContain(`ValidatingAdmissionPolicy '${name}'`);
        expect(said).toContain(one.says);
      }
    });
  });

  /** The API server learns of a policy some moments after it was written. */
  async function active(policy: string): Promise<void> {
    const refused = policyFixtures(policy).find((one) => one.expect === 'fail');
    if (!refused) throw new Error(`${policy} has no failing fixture`);
    const answer = async (): Promise<void> => {
      expect(JSON.stringify((await host.attempt(refused)).body)).toContain(
        `ValidatingAdmissionPolicy '${policy}'`,
      );
    };
    await vi.waitFor(answer, { timeout: 20_000, interval: 100 });
  }
});
