import { displayName } from '@hexabase/contract/common.ts';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { privateOrganizationName } from './private-organization.ts';

describe('the name of somebody’s own organization', () => {
  it.each([
    ['Ada', 'Ada organization'],
    ['maximiliana.alexandra.von.hohenstein-x', 'maximiliana.alexandra.von.hohenstein- organization'],
    // Written as letter and accent, and as one: the same.
    ['Jo\u0308rg', 'Jörg organization'],
    ['हिन्दी', 'हिन्दी organization'],
    ['👩‍👩‍👧 Kim 🦊', 'Kim organization'],
    ['', 'My organization'],
    ['  \u00a0 ', 'My organization'],
    ['<>@!', 'My organization'],
    ['. - _', 'My organization'],
    ['\u0000\u202e', 'My organization'],
    ['\ud800', 'My organization'],
  ])('of %j is %j', (name, expected) => {
    expect(privateOrganizationName(name)).toBe(expected);
    expect(displayName.parse(privateOrganizationName(name))).toBe(expected);
  });

  it('of long names ends before a character that would not be whole', () => {
    // Two UTF-16 units each; and a letter whose accents have no shorter spelling.
    for (const letter of ['𝒜', 'x\u0331\u0332']) {
      const name = privateOrganizationName(`a${letter.repeat(60)}`);
      expect(name.length).toBeGreaterThan(46);
      expect(name).toMatch(new RegExp(`^a(${letter})+ organization$`));
      expect(displayName.parse(name)).toBe(name);
    }
    expect(privateOrganizationName(`x${'\u0331'.repeat(100)}`)).toBe('My organization');
  });

  it('is one that an organization may have, whatever somebody is called', () => {
    const names = fc.oneof(
      fc.string({ unit: 'binary', maxLength: 120 }),
      fc.string({ unit: 'grapheme', maxLength: 120 }),
      fc.string({ unit: fc.constantFrom('a', ' ', '\u0308', '𝒜', '👩‍👧', '-'), maxLength: 120 }),
    );
    fc.assert(
      fc.property(names, (name) => {
        expect(displayName.safeParse(privateOrganizationName(name)).success).toBe(true);
      }),
      { numRuns: 1_000 },
    );
  });
});
