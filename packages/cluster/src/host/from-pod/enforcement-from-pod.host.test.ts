import { readFileSync } from 'node:fs';
import { hostCluster } from '@hexabase/testkit/host-cluster.ts';
import { testIssuer } from '@hexabase/testkit/test-issuer.ts';
import { describe, expect, it } from 'vitest';
import { createKubeClient } from '../../kube-api/client.ts';
import { parseKubeconfig } from '../../kube-api/endpoint.ts';
import type { TenantClient } from '../../port.ts';
import { itemsOf } from '../host-check.ts';
import { checkEnforcementFromPod } from './enforcement-from-pod.ts';

const host = hostCluster('node');
const address = host?.issuerAddress ?? null;

/** On the network of tests/hostcluster, which enforces. */
describe.skipIf(host?.binaries == null || address === null)('a pod that a network policy cuts off', () => {
  const client = () => createKubeClient(parseKubeconfig(readFileSync(host?.kubeconfig ?? '', 'utf8')));
  const check = async (kube: TenantClient, change: { image?: string } = {}) => {
    await using issuer = await testIssuer(address ?? '');
    return await checkEnforcementFromPod(kube, {
      issuer: issuer.issuer,
      image: 'docker.io/library/busybox:1.35',
      // The static shell of the test image crashes on https: it brings a program of its own.
      command: '/bin/netcheck get "$URL"',
      pullPolicy: 'IfNotPresent',
      signal: AbortSignal.timeout(60_000),
      ...change,
    });
  };

  it('proves that the network enforces them, and nothing of it stays', async () => {
    using kube = client();
    expect(await check(kube)).toMatchObject({ status: 'True', reason: 'Tried', required: false });
    for (const path of ['/api/v1/namespaces/hexabase-system/pods', policies]) {
      const left = itemsOf(await kube.request({ method: 'GET', path }));
      const ours = left.filter((one) => JSON.stringify(one).includes('"hexabase-check-'));
      expect(ours.filter((one) => !JSON.stringify(one).includes('deletionTimestamp'))).toEqual([]);
    }
  });

  it('proves that nobody enforces them when it goes on reaching us', async () => {
    using kube = client();
    // As on a network that does not: the policy is taken and means nobody.
    const open: TenantClient = {
      request: (asked) =>
        kube.request(asked.path.startsWith(policies) ? { ...asked, body: ofNobody(asked.body) } : asked),
    };
    expect(await check(open)).toMatchObject({ status: 'False', reason: 'NotEnforced', required: false });
  });

  it('says nothing when it could not be run', async () => {
    using kube = client();
    expect(await check(kube, { image: 'docker.io/library/absent:0' })).toBeNull();
  });
});

const policies = '/apis/networking.k8s.io/v1/namespaces/hexabase-system/networkpolicies';

function ofNobody(body: unknown): unknown {
  if (body === undefined) return body;
  const policy = structuredClone(Object(body));
  policy.spec.podSelector = { matchLabels: { 'check.test/nobody': 'true' } };
  return policy;
}
