import { SignJWT, type JWTPayload } from 'jose';
import type { KeyRing } from '../keys/key-ring.ts';

export interface SignOptions {
  /** Media type of the header: `at+jwt` for access tokens (RFC 9068 §2.1), `JWT` for ID tokens. */
  headerType: 'at+jwt' | 'JWT';
  issuer: string;
  audience: string;
  /** Milliseconds since the epoch. */
  nowMs: number;
  lifetimeSeconds: number;
}

/** Signs RS256 with the active key and adds the times and a random id. */
export async function signToken(keys: KeyRing, payload: JWTPayload, options: SignOptions): Promise<string> {
  const { kid, privateKey } = keys.signer();
  const issuedAt = Math.floor(options.nowMs / 1000);
  return new SignJWT({ ...payload, jti: crypto.randomUUID() })
    .setProtectedHeader({ alg: 'RS256', kid, typ: options.headerType })
    .setIssuer(options.issuer)
    .setAudience(options.audience)
    .setIssuedAt(issuedAt)
    .setNotBefore(issuedAt)
    .setExpirationTime(issuedAt + options.lifetimeSeconds)
    .sign(privateKey);
}
