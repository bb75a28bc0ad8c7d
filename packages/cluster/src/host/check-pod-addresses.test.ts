import { expect, it } from 'vitest';
import type { TenantClient } from '../port.ts';
import { checkPodAddresses } from './check-pod-addresses.ts';

const none = { internal: [], senders: [] };

interface Seen {
  ranges?: readonly string[];
  pods?: readonly { podIP?: string; hostNetwork?: boolean }[];
  status?: number;
}

/** `True Closed`, as a host with these nodes and pods is judged. */
async function judged({ ranges = [], pods = [], status = 200 }: Seen, networks = none as Networks) {
  const items = pods.map(({ podIP, hostNetwork }) => ({ spec: { hostNetwork }, status: { podIP } }));
  const client: TenantClient = { request: async () => ({ status, body: { items } }) };
  const nodes = [{ spec: { podCIDRs: ranges } }];
  const check = await checkPodAddresses({ client, signal: AbortSignal.timeout(5_000) }, { nodes, networks });
  expect(check.required).toBe(false);
  return `${check.status} ${check.reason} ${check.message} ${check.todo}`;
}

interface Networks {
  internal: readonly string[];
  senders: readonly string[];
}

it('private addresses of pods are closed, and IPv6 and those of nodes say nothing', async () => {
  expect(await judged({ ranges: ['10.42.0.0/24', 'fd00::/64'] })).toMatch(/^True Closed/);
  expect(
    await judged({ pods: [{ podIP: '10.42.0.7' }, { podIP: '203.0.113.7', hostNetwork: true }] }),
  ).toMatch(/^True Closed/);
  expect(await judged({ pods: [{ podIP: '203.0.113.7', hostNetwork: true }, {}] })).toMatch(
    /^Unknown NoPodSeen/,
  );
  expect(await judged({ status: 403 })).toMatch(/^Unknown NoPodSeen/);
});

it('public addresses of pods are told by nodes and by pods, until their ranges are named', async () => {
  const internal = ['203.0.113.0/24'];
  for (const seen of [{ ranges: ['203.0.113.0/26'] }, { pods: [{ podIP: '203.0.113.7' }], status: 200 }]) {
    expect(await judged(seen)).toMatch(/^False PublicAddresses .*203\.0\.113\..*HKS_HOST_NETWORKS/);
    expect(await judged(seen, { internal, senders: [] })).toMatch(/^True Closed/);
  }
  // A named range that holds a part of them closes that part alone.
  expect(await judged({ ranges: ['203.0.112.0/23'] }, { internal, senders: [] })).toMatch(
    /^False PublicAddresses/,
  );
});

it('senders that are let in and are pods are told', async () => {
  const senders = ['10.0.0.0/8'];
  expect(await judged({ ranges: ['10.42.0.0/24'] }, { internal: [], senders })).toMatch(
    /^False SendersAmongPods .*10\.42\.0\.0\/24.*HKS_LOAD_BALANCER_SENDERS/,
  );
  expect(await judged({ ranges: ['172.16.0.0/16'] }, { internal: [], senders })).toMatch(/^True Closed/);
});
