import { hash, randomBytes, randomInt } from 'node:crypto';

/** RFC 8628 §6.1: no vowels, so that no words come out, and nothing that looks like something else. 20^8 codes. */
const userCodeAlphabet = 'BCDFGHJKLMNPQRSTVWXZ';
const userCodeLength = 8;
const userCodePattern = new RegExp(`^[${userCodeAlphabet}]{${userCodeLength}}$`);

/** A code that a program keeps: 256 random bits and the hash that is stored. */
export function newSecretCode(prefix: string): { code: string; hash: string } {
  const code = `${prefix}${randomBytes(32).toString('base64url')}`;
  return { code, hash: codeHash(code) };
}

/** A code that a person types, for example `WDJB-MJHT`. */
export function newUserCode(): { code: string; hash: string } {
  const letters = Array.from(
    { length: userCodeLength },
    () => userCodeAlphabet[randomInt(userCodeAlphabet.length)],
  );
  const code = letters.join('');
  return { code: `${code.slice(0, 4)}-${code.slice(4)}`, hash: codeHash(code) };
}

/** The hash of a typed code, whatever its case, spaces and dashes; null for what cannot be one. */
export function userCodeHash(typed: string): string | null {
  const letters = typed
    .slice(0, 64)
    .toUpperCase()
    .replace(/[\s\p{Pd}_.]/gu, '');
  return userCodePattern.test(letters) ? codeHash(letters) : null;
}

/** Codes are random, so a plain hash is enough: nothing can be guessed from it. */
export function codeHash(code: string): string {
  return hash('sha256', `sign-in code:${code}`, 'base64url');
}
