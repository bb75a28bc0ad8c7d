import { hash, randomInt } from 'node:crypto';

/** No vowels, so that no words come out, and nothing that looks like something else; 20^16 codes are 69 bits. */
const alphabet = 'BCDFGHJKLMNPQRSTVWXZ';
const length = 16;
const pattern = new RegExp(`^[${alphabet}]{${length}}$`);

/** How many a person is given; each signs them in once when their factors are lost. */
export const recoveryCodeCount = 10;

/** Fresh codes as people write them down, for example `BCDF-GHJK-LMNP-QRST`. */
export function newRecoveryCodes(): string[] {
  return Array.from({ length: recoveryCodeCount }, () => {
    const letters = Array.from({ length }, () => alphabet[randomInt(alphabet.length)]).join('');
    return (letters.match(/.{4}/g) ?? []).join('-');
  });
}

/** The stored form of what somebody typed, whatever its case, spaces and dashes; null for what cannot be one. */
export function recoveryCodeHash(userId: string, typed: string): string | null {
  const letters = typed
    .slice(0, 64)
    .toUpperCase()
    .replace(/[\s\p{Pd}_.]/gu, '');
  // Random codes need no slow hash; with the person in it, one guess tries one account.
  return pattern.test(letters) ? hash('sha256', `recovery code:${userId}:${letters}`, 'base64url') : null;
}
