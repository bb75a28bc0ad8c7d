import { describe, expect, it, test } from 'vitest';
import { addressBlock, clientAddress, noProxies, parseTrustedProxies } from './client-address.ts';

const proxies = parseTrustedProxies('10.0.0.0/8,fd00::/8,192.0.2.7') ?? noProxies;
const from = (remoteAddress: string, forwardedFor?: string): string =>
  clientAddress({ socket: { remoteAddress }, headers: { 'x-forwarded-for': forwardedFor } }, proxies);

describe('the address of a client', () => {
  it('is that of the connection unless a trusted proxy made that', () => {
    expect(from('203.0.113.9', '198.51.100.1')).toBe('203.0.113.9');
    expect(from('192.0.2.8', '198.51.100.1')).toBe('192.0.2.8');
    const arrival = { socket: { remoteAddress: '10.0.0.1' }, headers: { 'x-forwarded-for': '198.51.100.1' } };
    expect(clientAddress(arrival, noProxies)).toBe('10.0.0.1');
  });

  it('is the right-most one that is no proxy of ours: what a stranger wrote before it counts for nothing', () => {
    expect(from('10.0.0.1', '198.51.100.1')).toBe('198.51.100.1');
    expect(from('10.0.0.1', '1.1.1.1, 10.9.9.9, 198.51.100.1, 192.0.2.7')).toBe('198.51.100.1');
    expect(from('::ffff:10.0.0.1', '2001:db8::5')).toBe('2001:db8::5');
    expect(from('fd00::1', '[2001:db8::5]:4711')).toBe('2001:db8::5');
    expect(from('10.0.0.1', '198.51.100.1:55555')).toBe('198.51.100.1');
  });

  it('is that of the proxy when it hands on nothing that can be read', () => {
    for (const nothing of [undefined, '', 'unknown', '1.1.1.1, ', '1.1.1.1, <script>'])
      expect(from('10.0.0.1', nothing)).toBe('10.0.0.1');
    expect(from('10.0.0.1', '1.1.1.1, garbage, 192.0.2.7')).toBe('192.0.2.7');
  });
});

test.each([
  '',
  'localhost',
  '10.0.0.0/8, 192.0.2.7',
  '10.0.0.0/8,',
  '10.0.0.1/8',
  '0.0.0.0/0',
  '::/0',
  '10.0.0.0/33',
  '10.0.0.0/08',
  '010.0.0.0/8',
  'fd00::1/8',
  'fd00::/129',
  '10.0.0/8',
  '*',
])('%j is no list of trusted proxies', (text) => {
  expect(parseTrustedProxies(text)).toBeNull();
});

test('an IPv6 address counts by the network of its subscriber, an IPv4 address by itself', () => {
  expect(addressBlock('203.0.113.9')).toBe('203.0.113.9');
  expect(addressBlock('2001:db8:1:2:3:4:5:6')).toBe(addressBlock('2001:DB8:1:2::9'));
  expect(addressBlock('2001:db8:1:2::')).not.toBe(addressBlock('2001:db8:1:3::'));
  expect(addressBlock('::1')).toBe('0:0:0:0::/64');
  expect(addressBlock('fe80::1%eth0')).toBe('fe80:0:0:0::/64');
});

test('an IPv4 client of a socket for both families counts by itself, however its address is written', () => {
  for (const written of ['::ffff:203.0.113.9', '::FFFF:cb00:7109', '0:0:0:0:0:ffff:203.0.113.9'])
    expect(addressBlock(written)).toBe('203.0.113.9');
  expect(addressBlock('::ffff:203.0.113.10')).not.toBe(addressBlock('::ffff:203.0.113.9'));
  expect(addressBlock('2001:db8::ffff:203.0.113.9')).toBe('2001:db8:0:0::/64');
  expect(addressBlock('::ffff:0:203.0.113.9')).toBe('0:0:0:0::/64');
  expect(from('::ffff:a00:1', '::ffff:198.51.100.1')).toBe('198.51.100.1');
});
