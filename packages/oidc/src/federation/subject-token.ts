import type { Clock } from '@hexabase/kernel/clock.ts';
import { decodeJwt, decodeProtectedHeader, jwtVerify, type JWTPayload } from 'jose';
import type { IssuerKeys } from './issuer-keys.ts';

/** What an issuer elsewhere says of one of its jobs, its signature checked. */
export type SubjectClaims = JWTPayload & { iss: string; exp: number };

/** Asymmetric ones only: with a symmetric one whoever knows the public key could sign. */
const algorithms = ['RS256', 'RS384', 'RS512', 'PS256', 'ES256', 'ES384', 'EdDSA'];
const tokenCharactersMax = 16_384;
const skewSeconds = 30;
/** However long an issuer lets its tokens live. */
const ageMax = '24h';
const compactJws = /^[\w-]+\.[\w-]+\.[\w-]+$/;
/** Headers that bring or point to a key are a forger's tools (RFC 8725 §3.10); what `crit` asks for nobody knows here. */
const refusedHeaders = ['jwk', 'jku', 'x5u', 'x5c', 'crit'];

/** Whom a token names as its issuer, before anything is believed; null for what is no token. */
export function claimedIssuer(token: string): string | null {
  if (token.length > tokenCharactersMax || !compactJws.test(token)) return null;
  try {
    return decodeJwt(token).iss ?? null;
  } catch {
    return null;
  }
}

/** Checks signature, issuer and times of a token. Throws an Error whose message is for the audit log of the organization. */
export async function verifySubject(
  token: string,
  issuer: string,
  { keys, clock }: { keys: IssuerKeys; clock: Clock },
): Promise<SubjectClaims> {
  const header = decodeProtectedHeader(token);
  if (refusedHeaders.some((name) => name in header)) throw new Error('the header brings a key along');
  if (typeof header.kid !== 'string') throw new Error('the header names no key');
  if (!algorithms.includes(header.alg ?? '')) throw new Error('the algorithm is not taken');
  const find = await keys.find(issuer, header.kid);
  if (!find) throw new Error('the issuer has no such key, or does not answer');
  const { payload } = await jwtVerify(token, find, {
    algorithms,
    issuer,
    requiredClaims: ['iss', 'aud', 'exp', 'iat', 'sub'],
    maxTokenAge: ageMax,
    clockTolerance: skewSeconds,
    currentDate: new Date(clock.now()),
  });
  const { iss, exp } = payload;
  if (iss === undefined || exp === undefined) throw new Error('claims are missing');
  return { ...payload, iss, exp };
}

/** Exactly this audience: a token that is for several could be taken by each of them to the others. */
export function isFor({ aud }: Pick<JWTPayload, 'aud'>, audience: string): boolean {
  const [one, ...more] = [aud ?? []].flat();
  return one === audience && more.length === 0;
}
