import { readFileSync } from 'node:fs';
import { hostCluster } from '@hexabase/testkit/host-cluster.ts';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { requiredRights } from '../drivers/vcluster/required-rights.ts';
import { createKubeClient, type KubeClient } from '../kube-api/client.ts';
import { parseKubeconfig, type KubeEndpoint } from '../kube-api/endpoint.ts';
import type { TenantRequest } from '../port.ts';
import { at, type HostCheck, type HostCheckType } from './host-check.ts';
import { lookAtHost, readiness } from './look-at-host.ts';

const host = hostCluster('kwok');
const namespace = `host-check-${crypto.randomUUID().slice(0, 8)}`;

describe.skipIf(host === null)('a look at a real host cluster', () => {
  let admin: KubeClient;
  let endpoint: KubeEndpoint;

  beforeAll(async () => {
    endpoint = parseKubeconfig(readFileSync(host?.kubeconfig ?? '', 'utf8'));
    admin = createKubeClient(endpoint);
    await make('/api/v1/namespaces', { apiVersion: 'v1', kind: 'Namespace', metadata: { name: namespace } });
  });
  afterAll(async () => {
    for (const path of [
      `/apis/rbac.authorization.k8s.io/v1/clusterrolebindings/${namespace}`,
      `/apis/rbac.authorization.k8s.io/v1/clusterroles/${namespace}`,
      `/api/v1/namespaces/${namespace}`,
    ])
      await admin.request({ method: 'DELETE', path });
    admin[Symbol.dispose]();
  });

  async function make(
    path: string,
    body: object,
    method: TenantRequest['method'] = 'POST',
  ): Promise<unknown> {
    const answer = await admin.request({ method, path, body });
    expect(answer.status, JSON.stringify(answer.body)).toBeLessThan(300);
    return answer.body;
  }

  async function look(at: KubeEndpoint): Promise<Map<HostCheckType, HostCheck>> {
    using client = createKubeClient(at);
    const { checks } = await lookAtHost(client, {
      signal: AbortSignal.timeout(60_000),
      storageClass: null,
      clusterUid: null,
    });
    return new Map(checks.map((check) => [check.type, check]));
  }

  async function accountEndpoint(name: string): Promise<KubeEndpoint> {
    const accounts = `/api/v1/namespaces/${namespace}/serviceaccounts`;
    await make(accounts, { apiVersion: 'v1', kind: 'ServiceAccount', metadata: { name } });
    const request = { apiVersion: 'authentication.k8s.io/v1', kind: 'TokenRequest', spec: {} };
    const token = String(at(await make(`${accounts}/${name}/token`, request), 'status', 'token'));
    return { ...endpoint, credentials: { kind: 'token', token } };
  }

  it('finds everything that an administrator has, and how large it is', async () => {
    const { checks, observed } = await lookAtHost(admin, {
      signal: AbortSignal.timeout(60_000),
      storageClass: null,
      clusterUid: null,
    });
    const status = (type: HostCheckType) => checks.find((check) => check.type === type)?.status;
    const required = ['Reachable', 'VersionSupported', 'RightsGranted', 'PoliciesServed'] as const;
    expect(required.map(status)).toEqual(['True', 'True', 'True', 'True']);
    expect(observed?.kubernetesVersion).toMatch(/^v1\./);
    expect(new Set(checks.map((check) => check.type)).size).toBe(11);
  });

  it('names the rights that an account lacks and what they are for, and takes exactly the rights of the list', async () => {
    const poor = await accountEndpoint('poor');
    const refused = (await look(poor)).get('RightsGranted');
    expect(refused).toMatchObject({ status: 'False', reason: 'Missing', required: true });
    expect(refused?.message).toMatch(/namespaces \(to make/);
    expect(refused?.todo).toContain('deploy/host-rbac.yaml');

    const rbac = 'rbac.authorization.k8s.io';
    const rules = requiredRights.map(({ apiGroup, resource, verbs, resourceNames }) => ({
      apiGroups: [apiGroup],
      resources: [resource],
      verbs,
      ...(resourceNames && { resourceNames }),
    }));
    const metadata = { name: namespace };
    const roles = `/apis/${rbac}/v1/clusterroles`;
    await make(roles, { apiVersion: `${rbac}/v1`, kind: 'ClusterRole', metadata, rules: rules.slice(1) });
    await make(`/apis/${rbac}/v1/clusterrolebindings`, {
      apiVersion: `${rbac}/v1`,
      kind: 'ClusterRoleBinding',
      metadata,
      roleRef: { apiGroup: rbac, kind: 'ClusterRole', name: namespace },
      subjects: [{ kind: 'ServiceAccount', name: 'poor', namespace }],
    });
    await expect
      .poll(async () => (await look(poor)).get('NodesReady')?.reason, { timeout: 20_000 })
      .not.toBe('Forbidden');
    expect((await look(poor)).get('RightsGranted')?.status).toBe('False');
    await make(
      `${roles}/${namespace}`,
      { apiVersion: `${rbac}/v1`, kind: 'ClusterRole', metadata, rules },
      'PUT',
    );
    await expect
      .poll(async () => (await look(poor)).get('RightsGranted')?.status, { timeout: 20_000 })
      .toBe('True');
  });

  it('tells credentials that have ended from an authority that is wrong and from silence', async () => {
    const ended = await look({ ...endpoint, credentials: { kind: 'token', token: 'ended' } });
    expect(ended.get('Reachable')).toMatchObject({ status: 'False', reason: 'CredentialsRefused' });
    const { hostname } = new URL(endpoint.server);
    const silent = await look({ ...endpoint, server: `https://${hostname}:1` });
    expect(silent.get('Reachable')).toMatchObject({ status: 'Unknown', reason: 'NoAnswer' });
    expect(silent.get('RightsGranted')?.status).toBe('Unknown');
    expect(readiness([...silent.values()]).status).toBe('Unknown');
    const untrusted = await look({ ...endpoint, certificateAuthority: null });
    expect(untrusted.get('Reachable')).toMatchObject({ status: 'False', reason: 'CertificateNotTrusted' });
  });
});
