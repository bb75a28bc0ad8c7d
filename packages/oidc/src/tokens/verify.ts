import { hash } from 'node:crypto';
import type { Clock } from '@hexabase/kernel/clock.ts';
import { AppError } from '@hexabase/kernel/errors.ts';
import { errors, jwtVerify, type JWTHeaderParameters } from 'jose';
import type * as z from 'zod';
import type { KeyRing } from '../keys/key-ring.ts';

export interface VerifierOptions<T> {
  keys: Pick<KeyRing, 'find'>;
  clock: Clock;
  issuer: string;
  headerType: 'at+jwt' | 'JWT';
  /** Claims and their types; a token that does not fit is refused. */
  claims: z.ZodType<T>;
}

export interface Verifier<T> {
  /** Throws AppError `unauthenticated` or `token_expired`; says nothing about why. */
  verify(token: string, audience: string): Promise<T>;
}

interface Timed {
  aud: string;
  exp: number;
  nbf?: number | undefined;
}

/** Longest token that is looked at: a header that does not fit cannot cost anything. */
const tokenCharactersMax = 16_384;
const cachedTokensMax = 4_096;
/** Clocks of replicas may differ by this much: a token that another has just made is good. None is good for longer. */
const skewSeconds = 5;
const compactJws = /^[\w-]+\.[\w-]+\.[\w-]+$/;

/**
 * Strict verification: RS256 only, a key of our own ring only (never one that the header brings along), exact issuer,
 * audience and type, times. Verified signatures are remembered by SHA-256 of the token; audience and times are
 * compared again on every call.
 */
export function createVerifier<T extends Timed>(options: VerifierOptions<T>): Verifier<T> {
  const cache = new Map<string, T>();

  async function verifySignature(token: string): Promise<T> {
    if (token.length > tokenCharactersMax || !compactJws.test(token)) throw new AppError('unauthenticated');
    const { payload } = await jwtVerify(token, (header) => keyFor(header, options), {
      algorithms: ['RS256'],
      issuer: options.issuer,
      typ: options.headerType,
      currentDate: new Date(options.clock.now()),
      clockTolerance: skewSeconds,
    });
    return options.claims.parse(payload);
  }

  return {
    async verify(token, audience) {
      const key = hash('sha256', token, 'base64url');
      let claims = cache.get(key);
      if (!claims) {
        claims = await verifySignature(token).catch((cause: unknown) => {
          throw refusal(cause);
        });
        remember(cache, key, claims);
      }
      const nowSeconds = options.clock.now() / 1000;
      if (claims.aud !== audience) throw new AppError('unauthenticated');
      if (claims.nbf !== undefined && claims.nbf > nowSeconds + skewSeconds)
        throw new AppError('unauthenticated');
      if (claims.exp <= nowSeconds) throw new AppError('token_expired');
      return claims;
    },
  };
}

async function keyFor(header: JWTHeaderParameters, options: Pick<VerifierOptions<unknown>, 'keys'>) {
  // Headers that bring or point to a key are a forger's tools (RFC 8725 §3.10); none of our tokens has them.
  if ('jwk' in header || 'jku' in header || 'x5u' in header || 'x5c' in header || 'crit' in header) {
    throw new AppError('unauthenticated');
  }
  const key = typeof header.kid === 'string' ? await options.keys.find(header.kid) : null;
  if (!key) throw new AppError('unauthenticated');
  return key;
}

function refusal(cause: unknown): unknown {
  if (cause instanceof AppError) return cause;
  if (cause instanceof errors.JWTExpired) return new AppError('token_expired');
  return new AppError('unauthenticated', { cause });
}

function remember<T>(cache: Map<string, T>, key: string, claims: T): void {
  if (cache.size >= cachedTokensMax) {
    const oldest = cache.keys().next();
    if (!oldest.done) cache.delete(oldest.value);
  }
  cache.set(key, claims);
}
