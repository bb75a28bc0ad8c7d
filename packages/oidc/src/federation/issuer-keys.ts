import type { Clock } from '@hexabase/kernel/clock.ts';
import { createLocalJWKSet, type JSONWebKeySet } from 'jose';
import * as z from 'zod';
import { fetchJson, type PrivateHosts } from './safe-fetch.ts';

type FindKey = ReturnType<typeof createLocalJWKSet>;

/** Public keys of issuers elsewhere. */
export interface IssuerKeys {
  /** The keys of an issuer that know this key id, or null when it cannot be reached or has no such key. */
  find(issuer: string, kid: string): Promise<FindKey | null>;
}

export interface IssuerKeysOptions {
  clock: Clock;
  privateHosts: PrivateHosts;
}

/** A key that an issuer has withdrawn is believed for this long at most. */
const keptMs = 600_000;
/** An unknown key may be a fresh one: so often an issuer is asked again, however many tokens come. */
const pauseMs = 10_000;
const issuersMax = 500;

const discovery = z.object({ issuer: z.string(), jwks_uri: z.url({ protocol: /^https$/ }) });
const publicKey = z
  .looseObject({
    kty: z.enum(['RSA', 'EC', 'OKP']),
    kid: z.string().min(1),
    use: z.literal('sig').optional(),
  })
  // A private or symmetric part means that this is no list of public keys.
  .refine((key) => !('d' in key) && !('k' in key));
const keySet = z.object({ keys: z.array(z.unknown()).max(100) });

interface Known {
  askedAt: number;
  loadedAt: number;
  kids: ReadonlySet<string>;
  find: FindKey | null;
  loading: Promise<void> | null;
}

/** Keeps the keys of each issuer; asks for them when they are old or a key id is unknown, and never more than one at a time. */
export function openIssuerKeys({ clock, privateHosts }: IssuerKeysOptions): IssuerKeys {
  const issuers = new Map<string, Known>();

  async function load(issuer: string, known: Known): Promise<void> {
    const keys = await keysOf(issuer, privateHosts);
    known.kids = new Set(keys.map(({ kid }) => kid));
    known.find = createLocalJWKSet({ keys });
    known.loadedAt = clock.now();
  }

  return {
    async find(issuer, kid) {
      const known = issuers.get(issuer) ?? fresh();
      issuers.delete(issuer);
      issuers.set(issuer, known);
      const [oldest] = issuers.size > issuersMax ? issuers.keys() : [];
      if (oldest !== undefined) issuers.delete(oldest);
      const isOld = clock.now() - known.loadedAt > keptMs;
      if ((isOld || !known.kids.has(kid)) && clock.now() - known.askedAt >= pauseMs) {
        known.askedAt = clock.now();
        known.loading = load(issuer, known)
          .catch(() => undefined)
          .finally(() => (known.loading = null));
      }
      await known.loading;
      const usable = clock.now() - known.loadedAt <= keptMs && known.kids.has(kid);
      return usable ? known.find : null;
    },
  };
}

function fresh(): Known {
  return { askedAt: -Infinity, loadedAt: -Infinity, kids: new Set(), find: null, loading: null };
}

/** OpenID Connect Discovery 1.0 §4: the document must name the very issuer that it was asked of. */
async function keysOf(
  issuer: string,
  privateHosts: PrivateHosts,
): Promise<(JSONWebKeySet['keys'][number] & { kid: string })[]> {
  const document = discovery.parse(
    await fetchJson(`${issuer.replace(/\/$/, '')}/.well-known/openid-configuration`, privateHosts),
  );
  if (document.issuer !== issuer) throw new Error('the issuer names itself otherwise');
  const { keys } = keySet.parse(await fetchJson(document.jwks_uri, privateHosts));
  return keys.flatMap((key) => {
    const parsed = publicKey.safeParse(key);
    return parsed.success ? [{ ...parsed.data, use: 'sig' }] : [];
  });
}
