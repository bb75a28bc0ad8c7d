import { BlockList, isIP, isIPv4 } from 'node:net';

/** The networks whose `X-Forwarded-For` is believed. */
export type TrustedProxies = Pick<BlockList, 'check'>;

/** Believes nobody: the address of a request is that of its connection. */
export const noProxies: TrustedProxies = new BlockList();

/**
 * Reads networks and addresses separated by commas (`10.0.0.0/8,fd00::/8,192.0.2.7`). Null for anything that is not
 * exactly that: names, spaces, bits behind the prefix, and a prefix of nothing, which would believe everybody.
 */
export function parseTrustedProxies(text: string): TrustedProxies | null {
  const proxies = new BlockList();
  for (const entry of text.split(',')) {
    const [, address = '', prefix] = /^([0-9a-fA-F.:]+)(?:\/([1-9]\d{0,2}))?$/.exec(entry) ?? [];
    if (isIP(address) === 0) return null;
    const bits = isIPv4(address) ? 32 : 128;
    const length = prefix === undefined ? bits : Number(prefix);
    if (length > bits || bitsOf(address).includes('1', length)) return null;
    proxies.addSubnet(address, length, familyOf(address));
  }
  return proxies;
}

/** What is known of a request; in `x-forwarded-for` each proxy adds at the right the address that it was called from. */
export interface Arrival {
  socket: { remoteAddress?: string | undefined };
  headers: Readonly<Record<string, string | readonly string[] | undefined>>;
}

/**
 * Where a request comes from: read from the right, the first address that is no trusted proxy. What stands left of that
 * anybody can have written. A text that is no address ends the reading at the proxy that handed it on.
 */
export function clientAddress({ socket, headers }: Arrival, trusted: TrustedProxies): string {
  let address = plainAddress(socket.remoteAddress ?? '');
  if (trusted === noProxies) return address;
  const hops = [headers['x-forwarded-for'] ?? []].flat().join(',').split(',');
  while (isIP(address) !== 0 && trusted.check(address, familyOf(address))) {
    const before = hops.pop();
    const next = before === undefined ? '' : plainAddress(before);
    if (isIP(next) === 0) break;
    address = next;
  }
  return address;
}

/** What one subscriber is given, as one text: an IPv4 address, or the first 64 bits of an IPv6 address (RFC 6177). */
export function addressBlock(text: string): string {
  const address = plainAddress(text);
  return isIP(address) === 6 ? `${groupsOf(address).slice(0, 4).join(':')}::/64` : address;
}

/** Without port, brackets and zone, and an IPv4 address as such: a socket for both families writes `::ffff:192.0.2.7`. */
function plainAddress(text: string): string {
  if (isIPv4(text)) return text;
  const [, bracketed, withPort] = /^\[([^\]]+)\](?::\d+)?$|^([\d.]+):\d+$/.exec(text.trim()) ?? [];
  const address = (bracketed ?? withPort ?? text.trim()).replace(/%.*$/, '');
  if (isIP(address) !== 6 || !/:ffff:/i.test(address)) return address;
  const [, high, low] = /^0,0,0,0,0,ffff,(\w+),(\w+)$/.exec(groupsOf(address).join(',')) ?? [];
  if (high === undefined || low === undefined) return address;
  return [high, low].flatMap((group) => bytesOf(Number.parseInt(group, 16))).join('.');
}

function bytesOf(group: number): [number, number] {
  return [group >> 8, group & 0xff];
}

function familyOf(address: string): 'ipv4' | 'ipv6' {
  return isIPv4(address) ? 'ipv4' : 'ipv6';
}

function bitsOf(address: string): string {
  if (!isIPv4(address))
    return groupsOf(address)
      .map((group) => binary(Number.parseInt(group, 16), 16))
      .join('');
  return address
    .split('.')
    .map((part) => binary(Number(part), 8))
    .join('');
}

function binary(value: number, width: number): string {
  return value.toString(2).padStart(width, '0');
}

/** The eight groups, without leading zeros. */
function groupsOf(address: string): string[] {
  // The URL standard writes IPv6 addresses in one way only.
  const [head = '', tail] = new URL(`http://[${address}]`).hostname.slice(1, -1).split('::');
  const left = head === '' ? [] : head.split(':');
  const right = tail === undefined || tail === '' ? [] : tail.split(':');
  return [...left, ...Array.from({ length: 8 - left.length - right.length }, () => '0'), ...right];
}
