import { AppError } from '@hexabase/kernel/errors.ts';
import type { Configuration } from 'openid-client';
import { readGroupClaim, type GroupClaim } from './group-claim.ts';
import type { IdentityProvider } from './provider-store.ts';
import { isLoopbackHttp } from './provider-input.ts';
import { githubPerson, githubServer } from './github.ts';

/** Who a provider says that somebody is. */
export interface ExternalPerson {
  subject: string;
  /** Only an address that the provider has verified; null when it vouches for none. */
  email: string | null;
  displayName: string | null;
  /** The provider says that they showed two factors; only one that is trusted with it is believed. */
  saysTwoFactors: boolean;
  /** Absent when nobody's groups are taken from the provider. */
  groups?: GroupClaim;
}

/** RFC 8176 §2: several factors, or one that is possession of a key or a device. */
const strongMethods: readonly unknown[] = ['mfa', 'otp', 'hwk', 'swk', 'sc'];

/** What the answer of a provider must fit to. */
export interface Expected {
  state: string;
  nonce: string;
  codeVerifier: string;
  redirectUri: string;
}

interface Client {
  provider: IdentityProvider;
  clientSecret: string;
}

/** Talks to the identity providers. Discovery documents are kept for an hour. */
export interface Exchanges {
  /** Where the browser is sent (RFC 6749 §4.1.1 with PKCE S256, state and nonce). */
  authorizationUrl(client: Client, expected: Expected): Promise<string>;
  /** Spends the code of an answer and answers who it is. Throws AppError `forbidden` for every answer that does not fit. */
  finish(client: Client, expected: Expected, query: string): Promise<ExternalPerson>;
}

const keptMs = 3_600_000;
const answerSeconds = 10;

export function openExchanges({ now }: { now: () => number }): Exchanges {
  const kept = new Map<string, { until: number; configuration: Promise<Configuration> }>();

  function configurationOf(client: Client): Promise<Configuration> {
    const key = JSON.stringify([client.provider.issuer, client.provider.clientId, client.clientSecret]);
    const found = kept.get(key);
    if (found && found.until > now()) return found.configuration;
    const configuration = configure(client);
    kept.set(key, { until: now() + keptMs, configuration });
    // One that failed is asked again the next time.
    configuration.catch(() => kept.delete(key));
    return configuration;
  }

  return {
    async authorizationUrl(client, { state, nonce, codeVerifier, redirectUri }) {
      const { buildAuthorizationUrl, calculatePKCECodeChallenge } = await import('openid-client');
      const configuration = await reached(configurationOf(client), client);
      const parameters = {
        redirect_uri: redirectUri,
        scope: client.provider.scopes,
        state,
        code_challenge: await calculatePKCECodeChallenge(codeVerifier),
        code_challenge_method: 'S256',
        ...(client.provider.kind === 'oidc' && { nonce }),
      };
      return buildAuthorizationUrl(configuration, parameters).href;
    },
    async finish(client, expected, query) {
      const configuration = await reached(configurationOf(client), client);
      try {
        return await spend(configuration, { client, expected, query });
      } catch (cause) {
        if (cause instanceof AppError) throw cause;
        throw new AppError('forbidden', {
          message: `${client.provider.label} did not confirm who you are. Go back and sign in again.`,
          cause,
        });
      }
    },
  };
}

async function configure({ provider, clientSecret }: Client): Promise<Configuration> {
  const oidc = await import('openid-client');
  const insecure = isLoopbackHttp(provider.issuer) ? [oidc.allowInsecureRequests] : [];
  if (provider.kind === 'github') {
    const configuration = new oidc.Configuration(
      githubServer(provider.issuer),
      provider.clientId,
      clientSecret,
    );
    configuration.timeout = answerSeconds;
    for (const allow of insecure) allow(configuration);
    return configuration;
  }
  return oidc.discovery(new URL(provider.issuer), provider.clientId, clientSecret, undefined, {
    // Signatures are checked although the tokens come over TLS: `none` is no signature.
    execute: [oidc.enableNonRepudiationChecks, ...insecure],
    timeout: answerSeconds,
  });
}

async function spend(
  configuration: Configuration,
  { client, expected, query }: { client: Client; expected: Expected; query: string },
): Promise<ExternalPerson> {
  const { authorizationCodeGrant, fetchUserInfo } = await import('openid-client');
  const { provider } = client;
  const answer = new URL(expected.redirectUri);
  answer.search = query;
  const tokens = await authorizationCodeGrant(configuration, answer, {
    expectedState: expected.state,
    pkceCodeVerifier: expected.codeVerifier,
    ...(provider.kind === 'oidc' && { expectedNonce: expected.nonce, idTokenExpected: true }),
  });
  if (provider.kind === 'github') return githubPerson(provider.issuer, tokens.access_token);
  const claims = tokens.claims();
  if (!claims) throw new Error('the provider sent no ID token');
  const groups = provider.groups?.claim;
  const lacks = claims['email'] === undefined || (groups !== undefined && !Object.hasOwn(claims, groups));
  const asks = lacks && configuration.serverMetadata().userinfo_endpoint !== undefined;
  const more = asks ? await fetchUserInfo(configuration, tokens.access_token, claims.sub) : undefined;
  // Address and verification from one place: they belong together.
  const { email, email_verified: verified, name } = claims['email'] === undefined ? (more ?? claims) : claims;
  return {
    subject: claims.sub,
    // A text "true" or an absent claim is no verification.
    email: verified === true && typeof email === 'string' ? email : null,
    displayName: typeof name === 'string' && name.trim() !== '' ? name : null,
    // Of the signed token alone, never of what the userinfo address adds.
    saysTwoFactors: Array.isArray(claims['amr']) && claims['amr'].some((way) => strongMethods.includes(way)),
    ...(groups !== undefined && { groups: readGroupClaim(groups, claims, more) }),
  };
}

async function reached(configuration: Promise<Configuration>, { provider }: Client): Promise<Configuration> {
  try {
    return await configuration;
  } catch (cause) {
    throw new AppError('forbidden', {
      message: `${provider.label} does not answer right now. Try again in a moment, or sign in another way.`,
      cause,
    });
  }
}
