import { readFileSync } from 'node:fs';
import { hostCluster } from '@hexabase/testkit/host-cluster.ts';
import { testIssuer } from '@hexabase/testkit/test-issuer.ts';
import { describe, expect, it } from 'vitest';
import { createKubeClient } from '../../kube-api/client.ts';
import { parseKubeconfig } from '../../kube-api/endpoint.ts';
import type { TenantClient, TenantRequest } from '../../port.ts';
import { itemsOf } from '../host-check.ts';
import { checkIssuerFromPod, type IssuerCheck } from './issuer-from-pod.ts';

const host = hostCluster('node');
const address = host?.issuerAddress ?? null;

describe.skipIf(host === null || address === null)('a pod of a real host cluster', () => {
  const client = () => createKubeClient(parseKubeconfig(readFileSync(host?.kubeconfig ?? '', 'utf8')));
  const check = async (issuer: string, change: Partial<IssuerCheck> = {}) => {
    using kube = client();
    return await checkIssuerFromPod(kube, {
      issuer,
      image: 'docker.io/library/busybox:1.35',
      // The static shell of the test image crashes on https: it brings a program of its own.
      command: host?.binaries === null ? null : '/bin/netcheck get "$URL"',
      pullPolicy: 'IfNotPresent',
      signal: AbortSignal.timeout(60_000),
      ...change,
    });
  };

  it('proves that the issuer is reached, or says why not, and is gone afterwards', async () => {
    await using issuer = await testIssuer(address ?? '');
    expect(await check(issuer.issuer)).toMatchObject({ status: 'True', reason: 'Reached' });
    expect(await check(`https://${address ?? ''}:1/oidc`)).toMatchObject({
      status: 'False',
      reason: 'NotReached',
    });
    using kube = client();
    const pods = await kube.request({ method: 'GET', path: '/api/v1/namespaces/hexabase-system/pods' });
    const ours = itemsOf(pods).filter((pod) => JSON.stringify(pod).includes('"hexabase-check-'));
    expect(ours.filter((pod) => !JSON.stringify(pod).includes('deletionTimestamp'))).toEqual([]);
  });

  it('is not needed to know that localhost is the pod itself, and says so when no image may be used', async () => {
    expect(await check('https://localhost:8443/oidc')).toMatchObject({
      status: 'False',
      reason: 'NotPublic',
    });
    expect(await check('https://hks.example/oidc', { image: null })).toMatchObject({
      reason: 'NoImageAllowed',
    });
    const absent = { image: 'docker.io/library/absent:0', pullPolicy: 'Never' } as const;
    expect(await check('https://hks.example/oidc', absent)).toMatchObject({
      status: 'Unknown',
      reason: 'ErrImageNeverPull',
    });
  });

  it('says why its pod did not run when the time is over, and loses nothing of what was found before', async () => {
    using kube = client();
    const nowhere: TenantClient = {
      request: (asked) =>
        kube.request(asked.path.endsWith('/pods') ? { ...asked, body: unplaced(asked) } : asked),
    };
    const found = await checkIssuerFromPod(nowhere, {
      issuer: 'https://hks.example/oidc',
      image: 'docker.io/library/busybox:1.35',
      command: null,
      pullPolicy: 'IfNotPresent',
      signal: AbortSignal.timeout(5_000),
    });
    expect(found).toMatchObject({ status: 'Unknown', reason: 'Unschedulable', required: true });
    expect(found.message).toMatch(/no node takes a pod: 0\/\d+ nodes are available/);
  });
});

/** The same pod, for nodes that nobody has. */
function unplaced({ body }: TenantRequest): object {
  const pod = structuredClone(Object(body));
  pod.spec.nodeSelector = { 'check.test/nowhere': 'true' };
  return pod;
}
