import { expect, it } from 'vitest';
import { allowedHosts, certificateHosts } from './addresses.ts';

it('a server answers under its public name and under the one that pods use, with a certificate for both', () => {
  const config = { listen: '0.0.0.0', hosts: { discoveryUrl: 'https://inside.example:9443' } };
  const addresses = { config, urls: { https: 'https://hexabase.example' } };
  expect(certificateHosts(addresses)).toEqual(['hexabase.example', 'inside.example']);
  expect(allowedHosts(addresses)).toEqual(expect.arrayContaining(['hexabase.example', 'inside.example']));
  expect(certificateHosts({ ...addresses, config: { ...config, hosts: {} } })).toEqual(['hexabase.example']);
});
