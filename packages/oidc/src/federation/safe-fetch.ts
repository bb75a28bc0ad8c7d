import { lookup, type LookupAddress } from 'node:dns';
import { request } from 'node:https';
import { BlockList, isIP, type LookupFunction } from 'node:net';

/** Hosts (`name` or `name:port`) that may have an address which is not public; operators name them. */
export type PrivateHosts = readonly string[];

const answerMsMax = 5_000;
const answerBytesMax = 256 * 1024;

// One list each: a list of both takes every IPv4 address for one in `::/3`.
const notPublic = { ipv4: new BlockList(), ipv6: new BlockList() };
for (const range of [
  '0.0.0.0/8 10.0.0.0/8 100.64.0.0/10 127.0.0.0/8 169.254.0.0/16 172.16.0.0/12 192.0.0.0/24 192.0.2.0/24 192.88.99.0/24',
  '192.168.0.0/16 198.18.0.0/15 198.51.100.0/24 203.0.113.0/24 224.0.0.0/4 240.0.0.0/4',
].flatMap((line) => line.split(' ')))
  addRange(range, 'ipv4');
// Of IPv6 only 2000::/3 is public, without what carries IPv4 addresses inside or is for documentation.
for (const range of ['::/3', '4000::/2', '8000::/1', '2001::/23', '2001:db8::/32', '2002::/16', '3fff::/20'])
  addRange(range, 'ipv6');

function addRange(range: string, family: 'ipv4' | 'ipv6'): void {
  const [network = '', bits] = range.split('/');
  notPublic[family].addSubnet(network, Number(bits), family);
}

/** Whether an address (IPv4, or IPv6 without brackets) is one of the public internet. */
export function isPublicAddress(address: string): boolean {
  if (isIP(address) === 0) return false;
  const family = isIP(address) === 4 ? 'ipv4' : 'ipv6';
  return !notPublic[family].check(address, family);
}

/**
 * Fetches JSON from an address that a tenant has named: https only, no redirect, at most 256 KiB in 5 s, and only to
 * public addresses. The address is judged where the connection is made, so a name that changes in between gains nothing.
 * Throws for everything else; the error says nothing of what an inner host answered.
 */
export async function fetchJson(address: string, privateHosts: PrivateHosts): Promise<unknown> {
  const url = new URL(address);
  if (url.protocol !== 'https:' || url.username !== '' || url.password !== '')
    throw new Error('the address is not plain https');
  const allowed =
    privateHosts.includes(url.host.toLowerCase()) || privateHosts.includes(url.hostname.toLowerCase());
  const literal = url.hostname.replace(/^\[|\]$/g, '');
  if (!allowed && isIP(literal) !== 0 && !isPublicAddress(literal))
    throw new Error('the address is not public');
  return JSON.parse(await get(url, allowed ? undefined : publicLookup));
}

function get(url: URL, lookUp: LookupFunction | undefined): Promise<string> {
  return new Promise((resolve, reject) => {
    const asking = request(url, {
      agent: false,
      headers: { accept: 'application/json', 'user-agent': 'hexabase-ai' },
      signal: AbortSignal.timeout(answerMsMax),
      ...(lookUp && { lookup: lookUp }),
    });
    asking.on('error', reject).on('response', (response) => {
      const chunks: Buffer[] = [];
      let bytes = 0;
      if (response.statusCode !== 200) {
        asking.destroy(new Error(`the answer was ${response.statusCode}`));
        return;
      }
      response.on('error', reject).on('data', (chunk: Buffer) => {
        bytes += chunk.length;
        if (bytes > answerBytesMax) asking.destroy(new Error('the answer is too large'));
        else chunks.push(chunk);
      });
      response.on('end', () => resolve(Buffer.concat(chunks).toString('utf8')));
    });
    asking.end();
  });
}

/** Like the system's, and refuses a name when any of its addresses is not public. */
const publicLookup: LookupFunction = (hostname, options, callback) => {
  lookup(hostname, { ...options, all: true }, (error, addresses: LookupAddress[]) => {
    const [first] = addresses ?? [];
    if (error || !first) return callback(error ?? new Error('the name has no address'), '', 4);
    if (!addresses.every(({ address }) => isPublicAddress(address)))
      return callback(new Error('the address is not public'), '', 4);
    if (options.all === true) return callback(null, addresses);
    return callback(null, first.address, first.family);
  });
};
