import { hash, randomBytes } from 'node:crypto';
import { crc32 } from 'node:zlib';

/** `pat` belongs to a person, `sat` to a service account. */
export type ApiTokenKind = 'pat' | 'sat';

const apiTokenPattern = /^(hks_(?:pat|sat)_[\w-]{43})([0-9a-f]{8})$/;

/**
 * A new token: prefix, 256 random bits as base64url, CRC-32 of all that in hex. Prefix and checksum let secret scanners
 * tell a leaked one from chance, without asking us. Only the hash is ever stored.
 */
export function newApiToken(kind: ApiTokenKind): { token: string; hash: string } {
  const body = `hks_${kind}_${randomBytes(32).toString('base64url')}`;
  const token = `${body}${checksum(body)}`;
  return { token, hash: hash('sha256', token, 'hex') };
}

/** Whether it wants to be an API token, so that nothing else is tried with it. */
export function looksLikeApiToken(presented: string): boolean {
  return presented.startsWith('hks_pat_') || presented.startsWith('hks_sat_');
}

/** The stored form (SHA-256, hex) of a presented token, or null when it was cut, padded or mistyped. */
export function apiTokenHash(presented: string): string | null {
  const [, body, sum] = apiTokenPattern.exec(presented) ?? [];
  if (body === undefined || sum !== checksum(body)) return null;
  return hash('sha256', presented, 'hex');
}

function checksum(text: string): string {
  return crc32(text).toString(16).padStart(8, '0');
}
