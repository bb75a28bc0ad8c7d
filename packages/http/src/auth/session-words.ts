import { BlockList, isIP } from 'node:net';

const systems = [
  [/iphone/i, 'iPhone'],
  [/ipad/i, 'iPad'],
  [/android/i, 'Android'],
  [/windows/i, 'Windows'],
  [/mac os|macintosh/i, 'macOS'],
  [/linux/i, 'Linux'],
] as const;

/** The order matters: most browsers also name those whose pages they want to be given. */
const browsers = [
  [/edg\//i, 'Edge'],
  [/firefox\//i, 'Firefox'],
  [/chrome\/|chromium\//i, 'Chrome'],
  [/safari\//i, 'Safari'],
] as const;

/** What a session was started with, as people would say it: `Firefox on Linux`, `hks on laptop`. */
export function deviceWord(userAgent: string | null): string {
  if (userAgent === null || userAgent === '') return 'unknown';
  const browser = browsers.find(([pattern]) => pattern.test(userAgent))?.[1];
  // Programs say of themselves what they are.
  if (browser === undefined) return userAgent.slice(0, 64);
  const system = systems.find(([pattern]) => pattern.test(userAgent))?.[1];
  return system === undefined ? browser : `${browser} on ${system}`;
}

const ownMachine = new BlockList();
ownMachine.addSubnet('127.0.0.0', 8, 'ipv4');
ownMachine.addAddress('::1', 'ipv6');

const ownNetwork = new BlockList();
for (const [network, bits] of [
  ['10.0.0.0', 8],
  ['172.16.0.0', 12],
  ['192.168.0.0', 16],
  ['100.64.0.0', 10],
  ['169.254.0.0', 16],
] as const)
  ownNetwork.addSubnet(network, bits, 'ipv4');
ownNetwork.addSubnet('fc00::', 7, 'ipv6');
ownNetwork.addSubnet('fe80::', 10, 'ipv6');

/** Roughly where an address is. Nobody is asked where on earth: the address stands beside it. */
export function placeWord(address: string | null): string {
  if (address === 'local') return 'the machine of the server';
  const family = address === null ? 0 : isIP(address);
  if (address === null || family === 0) return 'unknown';
  const kind = family === 4 ? 'ipv4' : 'ipv6';
  if (ownMachine.check(address, kind)) return 'the machine of the server';
  return ownNetwork.check(address, kind) ? 'a private network' : 'the internet';
}
