import { isIPv4 } from 'node:net';
import { ipv4RangesMeet, isInIpv4Range, isIpv4Range } from '@hexabase/kernel/ipv4-range.ts';
import { privateRanges, type HostNetworks } from '../drivers/vcluster/objects/network-policies.ts';
import { at, bad, good, itemsOf, optional, read, unsure, type HostCheck, type Look } from './host-check.ts';

const type = 'PodAddressesClosed';
const podsMax = 100;
const namedMax = 3;

/**
 * Whether the network rules of workspaces close what pods of this host have for addresses: as far as its nodes tell their
 * ranges, and from the addresses of some pods. IPv6 is closed in any case.
 */
export async function checkPodAddresses(
  look: Look,
  { nodes, networks }: { nodes: readonly Record<string, unknown>[]; networks: HostNetworks },
): Promise<HostCheck> {
  const answer = await read(look, `/api/v1/namespaces/kube-system/pods?limit=${podsMax}`);
  const pods = answer?.status === 200 ? itemsOf(answer) : [];
  const seen = [...new Set([...nodes.flatMap(rangesOf), ...pods.flatMap(addressOf)])];
  return optional(verdict(seen, networks));
}

function verdict(seen: readonly string[], { internal, senders }: HostNetworks): HostCheck {
  if (seen.length === 0)
    return unsure(type, {
      reason: 'NoPodSeen',
      message: 'No pod was seen whose address tells the range of pods',
    });
  const letIn = seen.filter((range) => senders.some((sender) => ipv4RangesMeet(range, sender)));
  if (letIn.length > 0) {
    return bad(type, {
      reason: 'SendersAmongPods',
      message: `Pods have addresses that are let in to load balancers (${named(letIn)}): workspaces reach each other`,
      todo: 'Take the range of pods out of HKS_LOAD_BALANCER_SENDERS.',
    });
  }
  const closed = [...privateRanges, ...internal];
  const open = seen.filter((range) => !closed.some((outer) => isInIpv4Range(range, outer)));
  if (open.length === 0)
    return good(type, { reason: 'Closed', message: 'The addresses of pods are closed to other workspaces' });
  return bad(type, {
    reason: 'PublicAddresses',
    message: `Pods have addresses of the internet (${named(open)}), which the network rules of workspaces let in and out`,
    todo: 'Name all ranges of its pods, services and nodes: HKS_HOST_NETWORKS.',
  });
}

function named(ranges: readonly string[]): string {
  const more = ranges.length - namedMax;
  return `${ranges.slice(0, namedMax).join(', ')}${more > 0 ? ` and ${more} more` : ''}`;
}

function rangesOf(node: Record<string, unknown>): string[] {
  const ranges = at(node, 'spec', 'podCIDRs');
  return (Array.isArray(ranges) ? ranges.map(String) : []).filter(isIpv4Range);
}

/** One that is in the network of its node has the node's address, which says nothing of pods. */
function addressOf(pod: Record<string, unknown>): string[] {
  const address = at(pod, 'status', 'podIP');
  const isOwn = at(pod, 'spec', 'hostNetwork') !== true;
  return isOwn && typeof address === 'string' && isIPv4(address) ? [address] : [];
}
