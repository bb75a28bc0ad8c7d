import { isIPv4 } from 'node:net';
import type { HostNetworks } from '@hexabase/cluster/drivers/vcluster/objects/network-policies.ts';
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
  .pipe(z.array(z.string().refine(isRange, 'write ranges like 203.0.113.0/24, from their first address on')));

/** Whoever is let in by one and kept out by the other would get in: such settings are a mistake. */
export function refuseOverlap(
  { hostNetworks, loadBalancerSenders }: Networks,
  context: z.RefinementCtx,
): void {
  for (const sender of loadBalancerSenders) {
    const inside = hostNetworks.find((network) => overlap(sender, network));
    if (inside === undefined) continue;
    const message = `${sender} has addresses of ${inside}, which belongs to host clusters (HKS_HOST_NETWORKS)`;
    context.addIssue({ code: 'custom', path: ['loadBalancerSenders'], message });
  }
}

export function networksOf({ hostNetworks, loadBalancerSenders }: Networks): HostNetworks {
  return { internal: hostNetworks, senders: loadBalancerSenders };
}

function isRange(text: string): boolean {
  const [, address = '', prefix = ''] = /^([\d.]+)\/([1-9]\d?)$/.exec(text) ?? [];
  return isIPv4(address) && Number(prefix) <= 32 && !bitsOf(address).includes('1', Number(prefix));
}

/** Of two ranges one holds the other, or they have nothing in common. */
function overlap(one: string, other: string): boolean {
  const [a, b] = [prefixOf(one), prefixOf(other)];
  return a.startsWith(b) || b.startsWith(a);
}

function prefixOf(range: string): string {
  const [address = '', length] = range.split('/');
  return bitsOf(address).slice(0, Number(length));
}

function bitsOf(address: string): string {
  return address
    .split('.')
    .map((part) => Number(part).toString(2).padStart(8, '0'))
    .join('');
}
