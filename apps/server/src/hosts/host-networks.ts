import type { HostNetworks } from '@hexabase/cluster/drivers/vcluster/objects/network-policies.ts';
import { ipv4RangesMeet, isIpv4Range } from '@hexabase/kernel/ipv4-range.ts';
import * as z from 'zod';

interface Networks {
  hostNetworks: string[];
  loadBalancerSenders: string[];
}

/** IPv4 ranges separated by commas, each from its first address on; workspaces have no other way out or in. */
export const ranges = z
  .string()
  .default('')
  .transform((text) => text.split(',').flatMap((part) => (part.trim() === '' ? [] : [part.trim()])))
  .pipe(
    z.array(z.string().refine(isIpv4Range, 'write ranges like 203.0.113.0/24, from their first address on')),
  );

/** Whoever is let in by one and kept out by the other would get in: such settings are a mistake. */
export function refuseOverlap(
  { hostNetworks, loadBalancerSenders }: Networks,
  context: z.RefinementCtx,
): void {
  for (const sender of loadBalancerSenders) {
    const inside = hostNetworks.find((network) => ipv4RangesMeet(sender, network));
    if (inside === undefined) continue;
    const message = `${sender} has addresses of ${inside}, which belongs to host clusters (HKS_HOST_NETWORKS)`;
    context.addIssue({ code: 'custom', path: ['loadBalancerSenders'], message });
  }
}

export function networksOf({ hostNetworks, loadBalancerSenders }: Networks): HostNetworks {
  return { internal: hostNetworks, senders: loadBalancerSenders };
}
