import { kubeBinaries } from '@hexabase/testkit/host-cluster.ts';
import { startKubeApiServer, type TestKubeApiServer } from '@hexabase/testkit/kube-api-server.ts';
import { afterAll, beforeAll, describe, expect, it, vi } from 'vitest';
import { givenObjects, policyFixtures, type PolicyFixture } from '../../../conformance/policy-fixtures.ts';
import type { ApplicableObject } from '../../../kube-api/apply.ts';
import { createKubeClient, type KubeClient } from '../../../kube-api/client.ts';
import { resourcePath } from '../../../kube-api/resource-path.ts';
import type { TenantResponse } from '../../../port.ts';
import { accessQuestions } from '../required-rights.ts';
import { ensureHostPolicies } from './ensure-host-policies.ts';
import { hostPolicies, installedPolicies } from './host-policies.ts';
import { hostRbac } from './host-rbac.ts';
import { nativePolicy } from './native.ts';

/** Everybody but the control plane may do whatever RBAC can allow, so that only a policy can refuse. */
const people = {
  administrator: { token: 'administrator', name: 'administrator', groups: ['system:masters'] },
  hexabase: { token: 'hexabase', name: 'system:serviceaccount:hexabase-system:hexabase' },
  tenant: { token: 'tenant', name: 'system:serviceaccount:hexabase-ws-shared:vc-ws-1', groups: ['strong'] },
  operator: { token: 'operator', name: 'operator', groups: ['strong'] },
  node: { token: 'node', name: 'system:node:worker-1', groups: ['system:nodes', 'strong'] },
} as const;

const strong: ApplicableObject[] = [
  {
    apiVersion: 'rbac.authorization.k8s.io/v1',
    kind: 'ClusterRole',
    metadata: { name: 'strong' },
    rules: [
      {
        apiGroups: ['', 'apps', 'networking.k8s.io', 'rbac.authorization.k8s.io'],
        resources: ['*'],
        verbs: ['*'],
      },
    ],
  },
  {
    apiVersion: 'rbac.authorization.k8s.io/v1',
    kind: 'ClusterRoleBinding',
    metadata: { name: 'strong' },
    roleRef: { apiGroup: 'rbac.authorization.k8s.io', kind: 'ClusterRole', name: 'strong' },
    subjects: [{ apiGroup: 'rbac.authorization.k8s.io', kind: 'Group', name: 'strong' }],
  },
];

const binaries = kubeBinaries();

describe.skipIf(binaries === null)('host policies in a real kube-apiserver', () => {
  let server: TestKubeApiServer;
  const clients = new Map<string, KubeClient>();
  const as = (who: keyof typeof people): KubeClient => {
    const client = clients.get(who);
    if (!client) throw new Error(`nobody is called ${who}`);
    return client;
  };
  const create = (object: ApplicableObject): Promise<TenantResponse> =>
    as('administrator').request({
      method: 'POST',
      path: resourcePath(object.apiVersion, object.kind, { namespace: object.metadata.namespace }),
      body: object,
    });

  beforeAll(async () => {
    server = await startKubeApiServer(binaries ?? '', Object.values(people));
    for (const { token } of Object.values(people)) {
      const credentials = { kind: 'token', token } as const;
      const { url, certificateAuthority } = server;
      clients.set(token, createKubeClient({ server: url, certificateAuthority, credentials }));
    }
    for (const object of [...hostRbac(), ...strong, ...givenObjects()]) {
      const { status, body } = await create(object);
      expect(status, JSON.stringify(body)).toBe(201);
    }
  });
  afterAll(async () => {
    for (const client of clients.values()) client[Symbol.dispose]();
    await server?.[Symbol.asyncDispose]();
  });

  it('the account of the control plane has every right that it says it needs, and no other way to more', async () => {
    const asked = async (attributes: object): Promise<unknown> => {
      const { body } = await as('hexabase').request({
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
    expect(await ensureHostPolicies(as('hexabase'))).toBe('installed');
    const versions = async (): Promise<string[]> => {
      const path = resourcePath('admissionregistration.k8s.io/v1', 'ValidatingAdmissionPolicy');
      const { body } = await as('hexabase').request({ method: 'GET', path });
      const { items } = body as { items: { metadata: { name: string; generation: number } }[] };
      return items.map(({ metadata }) => `${metadata.name} ${metadata.generation}`);
    };
    const before = await versions();
    expect(before).toHaveLength(installedPolicies.length);
    expect(await ensureHostPolicies(as('hexabase'))).toBe('installed');
    expect(await versions()).toEqual(before);
  });

  it('says when it has no right to install them', async () => {
    expect(await ensureHostPolicies(as('operator'))).toBe('not-allowed');
  });

  it('an administrator adds those that bind everybody', async () => {
    const others = hostPolicies.filter(({ scope }) => scope === 'cluster');
    for (const policy of others)
      for (const object of nativePolicy(policy)) expect((await create(object)).status).toBe(201);
  });

  describe.each(hostPolicies)('$name', ({ name }) => {
    beforeAll(() => active(name));

    it.each(policyFixtures(name))('$expect: $name', async (one) => {
      const { status, body } = await attempt(one);
      const said = JSON.stringify(body);
      if (one.expect === 'pass') expect(status, said).toBeLessThan(300);
      else {
        expect([403, 422], said).toContain(status);
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
      expect(JSON.stringify((await attempt(refused)).body)).toContain(
        `ValidatingAdmissionPolicy '${policy}'`,
      );
    };
    await vi.waitFor(answer, { timeout: 20_000, interval: 100 });
  }

  /** As a dry run, which goes through admission and changes nothing. */
  function attempt({
    as: who,
    do: verb,
    object,
    subresource,
    manager = 'hexabase',
  }: PolicyFixture): Promise<TenantResponse> {
    const { apiVersion, kind, metadata } = object;
    const path = resourcePath(apiVersion, kind, {
      namespace: metadata.namespace,
      ...(verb !== 'create' && { name: metadata.name }),
    });
    const query = `${subresource ? `/${subresource}` : ''}?dryRun=All&fieldManager=${manager}`;
    const { method, ...rest } = requests[verb];
    return as(who).request({
      method,
      path: path + query,
      ...(verb !== 'delete' && { body: object }),
      ...rest,
    });
  }
});

const requests = {
  create: { method: 'POST' },
  apply: { method: 'PATCH', contentType: 'application/apply-patch+yaml' },
  update: { method: 'PATCH', contentType: 'application/merge-patch+json' },
  replace: { method: 'PUT' },
  delete: { method: 'DELETE' },
} as const;
