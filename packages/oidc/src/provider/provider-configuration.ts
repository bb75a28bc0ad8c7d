import { hkdfSync } from 'node:crypto';
import { sql } from 'kysely';
import type { Account, Configuration, JWK } from 'oidc-provider';
import type { KeyRing } from '../keys/key-ring.ts';
import { createKeyVault } from '@hexabase/kernel/key-vault.ts';
import { accessTokenSeconds } from '../tokens/claims.ts';
import { isOwnOrigin } from './client-adapter.ts';
import { postSafely } from './logout/send-notice.ts';
import { payloadAdapter, type PayloadAdapterDeps } from './payload-adapter.ts';
import { providerSessionDigest } from './payload-digest.ts';
import { providerFeatures, showRefusal, type ProviderPages } from './provider-pages.ts';

export interface ProviderOptions extends Omit<PayloadAdapterDeps, 'vault'> {
  keys: KeyRing;
  masterKey: Uint8Array;
  issuer: string;
  /** Origin of pages for people, when it is not the issuer's: http on this machine, where our certificate is unknown. */
  browserOrigin?: string;
  /** Another origin at which API servers of tenants ask for the discovery document, and then for the keys. */
  discoveryOrigin?: string | undefined;
  /** What people are shown. */
  pages: ProviderPages;
  /** Groups of a person in ID tokens, beside their own; fewer for who has shown one factor only where they signed in. */
  groupsOf?: (person: { userId: string; secondFactor: boolean }) => Promise<string[]>;
}

const daySeconds = 86_400;

/**
 * The provider's settings: authorization code with PKCE S256 only (RFC 9700 §2.1.1), RS256, codes for 60 s and once.
 * The addresses of interactions are relative, so that a browser stays at the origin at which it came.
 */
export function providerConfiguration(options: ProviderOptions): Configuration {
  const vault = createKeyVault(options.masterKey);
  const rules = { loopbackNotices: options.browserOrigin !== undefined };
  return {
    adapter: payloadAdapter({ db: options.db, clock: options.clock, vault }),
    jwks: { keys: options.keys.all().map(privateJwk) },
    cookies: {
      names: cookieNames(options),
      keys: [
        Buffer.from(
          hkdfSync('sha256', options.masterKey, Buffer.alloc(0), 'hexabase/oidc-cookies/v1', 32),
        ).toString('base64url'),
      ],
    },
    scopes: ['openid', 'email', 'profile', 'groups', 'offline_access'],
    claims: {
      openid: ['sub', 'amr'],
      email: ['email', 'email_verified'],
      profile: ['name'],
      groups: ['groups'],
    },
    conformIdTokenClaims: false,
    responseTypes: ['code'],
    pkce: { required: () => true },
    rotateRefreshToken: true,
    // Without `offline_access` it ends with the browser's session.
    issueRefreshToken: (_context, client) => client.grantTypeAllowed('refresh_token'),
    clientBasedCORS: (_context, origin, client) => isOwnOrigin(origin, client),
    fetch: (url, init) => postSafely(rules, String(url), init ?? {}),
    enabledJWA: { idTokenSigningAlgValues: ['RS256'] },
    clientAuthMethods: ['none', 'client_secret_basic'],
    features: providerFeatures(options.pages),
    ttl: {
      AccessToken: accessTokenSeconds,
      AuthorizationCode: 60,
      IdToken: accessTokenSeconds,
      RefreshToken: 7 * daySeconds,
      DeviceCode: 600,
      Interaction: 600,
      Session: daySeconds,
      Grant: 7 * daySeconds,
    },
    interactions: {
      url: (_context, interaction) => `${new URL(options.issuer).pathname}/interaction/${interaction.uid}`,
    },
    findAccount: (_context, userId, issued) => findAccount(options, userId, sessionOf(issued)),
    renderError: (context, out, cause) => showRefusal(context, options.pages, { ...out, cause }),
  };
}

/**
 * Under https alone browsers hold the prefixes to what they promise: no other host set the cookie, and no http page. The
 * two of a single sign-in belong to paths of their own, so only `__Secure-` fits them. On a trial http serves pages too.
 */
function cookieNames({ browserOrigin }: ProviderOptions) {
  const [host, secure] = browserOrigin === undefined ? ['__Host-', '__Secure-'] : ['', ''];
  return {
    session: `${host}hks-provider`,
    interaction: `${secure}hks-interaction`,
    resume: `${secure}hks-resume`,
  };
}

function privateJwk(key: ReturnType<KeyRing['signer']>): JWK {
  const jwk = key.privateKey.export({ format: 'jwk' });
  return { ...jwk, kty: 'RSA', kid: key.kid, alg: 'RS256', use: 'sig' };
}

/** In which of the provider's sessions something was issued. */
function sessionOf(issued: object | undefined): string | undefined {
  return issued && 'sessionUid' in issued && typeof issued.sessionUid === 'string'
    ? issued.sessionUid
    : undefined;
}

/**
 * The person behind an id, or undefined for one that is gone or disabled; `sessionUid` says in which of the provider's
 * sessions they signed in.
 */
export async function findAccount(
  options: Pick<ProviderOptions, 'db' | 'groupsOf'>,
  userId: string,
  sessionUid?: string,
): Promise<Account | undefined> {
  const session = sessionUid === undefined ? null : providerSessionDigest(sessionUid);
  const { rows } = await options.db.asIdentity((tx) =>
    sql<{ email: string; display_name: string; secondFactor: boolean }>`
      SELECT email, display_name, EXISTS (SELECT FROM hexabase.sessions s WHERE s.user_id = users.id
        AND s.provider_session = ${session} AND s.second_factor_at IS NOT NULL) AS "secondFactor"
      FROM hexabase.users WHERE id = ${userId} AND disabled_at IS NULL`.execute(tx),
  );
  const user = rows[0];
  if (!user) return undefined;
  const { secondFactor } = user;
  return {
    accountId: userId,
    claims: async () => ({
      sub: userId,
      email: user.email,
      email_verified: true,
      name: user.display_name,
      groups: [`hexabase:user:${userId}`, ...((await options.groupsOf?.({ userId, secondFactor })) ?? [])],
    }),
  };
}
