import { describe, expect, it } from 'vitest';
import { readProvider } from './provider-input.ts';

describe('a provider of an operator is refused', () => {
  it.each([
    { claim: 'groups', organization: 'acme' },
    { claim: 'groups', parent: 'everyone' },
    { organization: 'acme', parent: 'everyone' },
    { claim: 'a b', organization: 'acme', parent: 'everyone' },
    { claim: 'groups', organization: 'acme', map: { 'a\u0000': 'x' } },
    { claim: 'groups', organization: 'acme', map: { ['x'.repeat(257)]: 'x' } },
    { claim: 'groups', organization: 'acme', parent: 'x', more: 1 },
  ])('with groups that lack something: %j', (groups) => {
    const given = { name: 'x', issuer: 'https://a.example', clientId: 'x', clientSecret: 'x' };
    expect(() => readProvider({ ...given, groups }, { fromFile: false })).toThrow();
  });

  it('at a port to which nothing ever connects', () => {
    const at = (issuer: string) => () =>
      readProvider({ name: 'x', issuer, clientId: 'x', clientSecret: 'x' }, { fromFile: false });
    expect(at('https://login.example:6000')).toThrow('to which no browser and no server connects');
    expect(at('https://login.example:8443')).not.toThrow();
  });

  it('with groups of GitHub, which says none', () => {
    const groups = { claim: 'groups', organization: 'acme', parent: 'everyone' };
    const given = { name: 'x', kind: 'github', clientId: 'x', clientSecret: 'x', groups };
    expect(() => readProvider(given, { fromFile: false })).toThrow('GitHub');
  });
});
