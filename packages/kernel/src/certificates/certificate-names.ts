import { isIP, isIPv4, isIPv6 } from 'node:net';
import { element, sequence } from './der.ts';

/** Tags of GeneralName (RFC 5280 §4.2.1.6). */
const dnsNameTag = 0x82;
const ipAddressTag = 0x87;
const permittedSubtreesTag = 0xa0;

const wholeV6 = 'ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff';

/** SubjectAltName of a server: DNS names and addresses. */
export function subjectAltNames(hosts: readonly string[]): Buffer {
  return sequence(
    ...hosts.map((host) => (isIP(host) ? element(ipAddressTag, addressBytes(host)) : dnsName(host))),
  );
}

/**
 * NameConstraints (RFC 5280 §4.2.1.10) of an authority: loopback names and addresses, and `hosts`. Whoever steals its key
 * can sign for nothing else.
 */
export function nameConstraints(hosts: readonly string[]): Buffer {
  const names = [...new Set(['localhost', ...hosts.filter((host) => !isIP(host))])];
  const addresses = hosts.filter((host) => isIP(host) && host !== '::1' && !host.startsWith('127.'));
  const bases = [
    ...names.map(dnsName),
    range('127.0.0.0', '255.0.0.0'),
    range('::1', wholeV6),
    ...addresses.map((address) => range(address, isIPv6(address) ? wholeV6 : '255.255.255.255')),
  ];
  return sequence(element(permittedSubtreesTag, Buffer.concat(bases.map((base) => sequence(base)))));
}

function dnsName(name: string): Buffer {
  return element(dnsNameTag, Buffer.from(name, 'ascii'));
}

function range(address: string, mask: string): Buffer {
  return element(ipAddressTag, Buffer.concat([addressBytes(address), addressBytes(mask)]));
}

function addressBytes(address: string): Buffer {
  if (isIPv4(address)) return Buffer.from(address.split('.').map(Number));
  const [head = '', tail = ''] = address.split('::');
  const left = groups(head);
  const right = groups(tail);
  const gap = Array.from({ length: 8 - left.length - right.length }, () => 0);
  return Buffer.from([...left, ...gap, ...right].flatMap((group) => [group >> 8, group & 0xff]));
}

function groups(text: string): number[] {
  return text === '' ? [] : text.split(':').map((group) => Number.parseInt(group, 16));
}
