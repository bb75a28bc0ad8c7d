import { describe, expect, it } from 'vitest';
import { StartError } from '../lifecycle/data-folder.ts';
import { requireDiscoveryAddress, requireIssuerOfHosts } from './public-url.ts';

describe('with host clusters', () => {
  const named = { url: 'https://a.example', remembered: undefined, before: undefined };

  it('a start with an address that means a pod itself is refused, in words', () => {
    for (const url of ['https://localhost:8443', 'https://127.0.0.1', 'https://[::1]:8443']) {
      expect(() => requireIssuerOfHosts(['eu'], { ...named, url })).toThrow(StartError);
      expect(() => requireIssuerOfHosts(['eu'], { ...named, url })).toThrow(/--public-url/);
      expect(() => requireIssuerOfHosts([], { ...named, url })).not.toThrow();
    }
  });

  it('another public URL is taken only when the start names the one that it replaces', () => {
    const remembered = 'https://b.example';
    expect(() => requireIssuerOfHosts(['eu'], named)).not.toThrow();
    expect(() => requireIssuerOfHosts(['eu'], { ...named, remembered: 'https://a.example/' })).not.toThrow();
    expect(() => requireIssuerOfHosts(['eu'], { ...named, remembered })).toThrow(/HKS_PUBLIC_URL_BEFORE/);
    const wrong = { ...named, remembered, before: 'https://c.example' };
    expect(() => requireIssuerOfHosts(['eu'], wrong)).toThrow(StartError);
    expect(() => requireIssuerOfHosts(['eu'], { ...wrong, before: `${remembered}/` })).not.toThrow();
    expect(() => requireIssuerOfHosts([], { ...named, remembered })).not.toThrow();
  });
});

describe('the discovery URL', () => {
  const url = 'https://a.example:8443';

  it('is refused where it is the public one, which Kubernetes looks at anyway', () => {
    for (const withHosts of [true, false]) {
      expect(() => requireDiscoveryAddress(url, { url: `${url}/`, withHosts })).toThrow(/none/);
      expect(() => requireDiscoveryAddress('https://a.example', { url, withHosts })).not.toThrow();
      expect(() => requireDiscoveryAddress(undefined, { url, withHosts })).not.toThrow();
    }
  });

  it('is refused with host clusters where it means a pod itself', () => {
    for (const own of ['https://localhost:8443', 'https://127.0.0.1', 'https://[::1]:8443']) {
      expect(() => requireDiscoveryAddress(own, { url, withHosts: true })).toThrow(StartError);
      expect(() => requireDiscoveryAddress(own, { url, withHosts: true })).toThrow(/--discovery-url/);
      expect(() => requireDiscoveryAddress(own, { url, withHosts: false })).not.toThrow();
    }
  });
});
