import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { canonicalEmail, emailPattern, isMachineAddress } from './email-address.ts';

/** Two spellings of one mailbox are one address, or somebody has two accounts and is invited to the wrong one. */
describe('an e-mail address', () => {
  it.each([
    ['the name of the domain in its script', 'a@bücher.example', 'a@xn--bcher-kva.example'],
    ['an accent of its own', 'a@bu\u0308cher.example', 'a@xn--bcher-kva.example'],
    ['upper case', 'A@BÜCHER.EXAMPLE', 'a@xn--bcher-kva.example'],
    ['what DNS has', 'a@XN--BCHER-KVA.example', 'a@xn--bcher-kva.example'],
    ['full-width letters', 'a@ｂüｃher。Ｅxample', 'a@xn--bcher-kva.example'],
    ['full-width letters of ASCII', 'a@ＥＸＡＭＰＬＥ．test', 'a@example.test'],
    ['a dot at the end', ' a@example.test. ', 'a@example.test'],
    ['a final sigma', 'a@example.ΒΌΛΟΣ', 'a@example.βόλοσ'],
    ['a letter that has its accent in lower case only', 'H\u0331@example.test', '\u1e96@example.test'],
    ['a stroke of its own through a sign', 'a@x>\u0338y.example', 'a@x\u226fy.example'],
    ['an accent in the name', 'JO\u0308RG@example.test', 'jörg@example.test'],
  ])('with %s has one spelling', (_what, email, spelling) => {
    expect(canonicalEmail(email)).toBe(canonicalEmail(spelling));
    expect(canonicalEmail(email)).toMatch(emailPattern);
    if (/^\p{ASCII}*$/u.test(spelling)) expect(canonicalEmail(email)).toBe(spelling);
  });

  it.each([
    'a@bücher／x.example',
    'a@bücher:80',
    'a@bücher/x',
    'a@b%C3%BCcher',
    'a@bü％63her',
    'a@bü\u202echer',
    'a@。',
    'a@.',
    `a@${'ü'.repeat(254)}`,
  ])('is none where what is behind the @ is no domain: %s', (email) => {
    expect(emailPattern.test(canonicalEmail(email))).toBe(email === 'a@b%C3%BCcher');
  });

  it('is read in no time, however long it is', () => {
    const long = Array.from({ length: 60_000 }, (_, n) => String.fromCodePoint(0x4e00 + (n % 20_000))).join(
      '',
    );
    for (const email of [`a@${long}`, `${long}@x`, `a@${'.'.repeat(300_000)}x`, long])
      expect(emailPattern.test(canonicalEmail(email))).toBe(false);
  });

  it('of a service account is known in every spelling', () => {
    expect(isMachineAddress('x@acme.ｓerviceaccounts.hexabase.local.')).toBe(true);
    expect(isMachineAddress('x@acme.serviceaccounts.hexabase.test')).toBe(false);
  });

  it('that was spelled once stays as it is, and is the same with accents of their own', () => {
    const part = fc.string({ unit: 'grapheme', minLength: 1, maxLength: 30 });
    fc.assert(
      fc.property(part, part, (name, domain) => {
        const once = canonicalEmail(`${name}@${domain}`);
        expect(canonicalEmail(`${name}@${domain}`.normalize('NFD'))).toBe(once);
        expect(canonicalEmail(once)).toBe(once);
      }),
      { numRuns: 2_000 },
    );
  });
});
