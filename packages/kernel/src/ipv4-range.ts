import { isIPv4 } from 'node:net';

/** Whether a text is a range of IPv4 addresses from its first one on, `203.0.113.0/24`, and not all there are (RFC 4632). */
export function isIpv4Range(text: string): boolean {
  const [, address = '', length = ''] = /^([\d.]+)\/([1-9]\d?)$/.exec(text) ?? [];
  return isIPv4(address) && Number(length) <= 32 && !bitsOf(address).includes('1', Number(length));
}

/** Of two ranges one holds the other, or they have nothing in common. An address without `/` is a range of one. */
export function ipv4RangesMeet(one: string, other: string): boolean {
  const [a, b] = [prefixOf(one), prefixOf(other)];
  return a.startsWith(b) || b.startsWith(a);
}

/** Whether all of a range, or an address, is in another range. */
export function isInIpv4Range(inner: string, outer: string): boolean {
  return prefixOf(inner).startsWith(prefixOf(outer));
}

function prefixOf(range: string): string {
  const [address = '', length = '32'] = range.split('/');
  return bitsOf(address).slice(0, Number(length));
}

function bitsOf(address: string): string {
  return address
    .split('.')
    .map((part) => Number(part).toString(2).padStart(8, '0'))
    .join('');
}
