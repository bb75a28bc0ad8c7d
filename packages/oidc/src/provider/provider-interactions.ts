import type { IncomingMessage, ServerResponse } from 'node:http';
import { AppError } from '@hexabase/kernel/errors.ts';
import { errors, type Provider } from 'oidc-provider';
import { hasFactor } from '../second-factor/factor-store.ts';
import type { Proven } from '../sessions/proof.ts';
import { findAccount, type ProviderOptions } from './provider-configuration.ts';

/** What a client waits for: that somebody signs in, or that they agree. */
export interface Interaction {
  uid: string;
  prompt: 'login' | 'consent';
  /** The client as it was registered. */
  clientName: string;
  /** Where the browser goes in the end; null when a device waits for the answer. */
  redirectUri: string | null;
  /** What the client may learn or do, in OpenID's words. */
  scopes: readonly string[];
  /** Who is signed in already. */
  email: string | null;
}

/** A browser's request; the provider's cookie in it says which interaction it is. */
export interface Exchange {
  request: IncomingMessage;
  response: ServerResponse;
  uid: string;
}

/** How people answer what clients ask. Each answer gives the address at which the browser goes on. */
export interface Interactions {
  /** Null when it has expired, was answered, or belongs to another browser. */
  find(exchange: Exchange): Promise<Interaction | null>;
  /** Throws AppError `second_factor_required` for somebody who has a second factor and did not show one. */
  login(exchange: Exchange, person: Proven): Promise<string>;
  consent(exchange: Exchange): Promise<string>;
  refuse(exchange: Exchange): Promise<string>;
}

type Details = Awaited<ReturnType<Provider['interactionDetails']>>;

export function providerInteractions(
  options: Pick<ProviderOptions, 'db' | 'groupsOf'>,
  latest: () => Promise<Provider>,
): Interactions {
  return {
    async find(exchange) {
      const provider = await latest();
      const details = await detailsOf(provider, exchange);
      return details && describe(options, provider, details);
    },
    async login({ request, response }, { userId, secondFactor, proof }) {
      const provider = await latest();
      if (!secondFactor && (await options.db.asIdentity((tx) => hasFactor(tx, userId))))
        throw new AppError('second_factor_required');
      // RFC 8176: clients may ask how somebody signed in.
      const login = { accountId: userId, proof, ...(secondFactor && { amr: ['mfa'] }) };
      return provider.interactionResult(request, response, { login });
    },
    async consent(exchange) {
      const provider = await latest();
      const details = await detailsOf(provider, exchange);
      if (!details) throw new errors.SessionNotFound('the interaction is gone');
      const consent = { grantId: await saveGrant(provider, details) };
      return provider.interactionResult(exchange.request, exchange.response, { consent });
    },
    async refuse({ request, response }) {
      const provider = await latest();
      const refusal = { error: 'access_denied', error_description: 'The person at the browser said no.' };
      return provider.interactionResult(request, response, refusal, { mergeWithLastSubmission: false });
    },
  };
}

async function detailsOf(provider: Provider, { request, response, uid }: Exchange): Promise<Details | null> {
  try {
    const details = await provider.interactionDetails(request, response);
    return details.uid === uid ? details : null;
  } catch (error) {
    if (error instanceof errors.SessionNotFound) return null;
    throw error;
  }
}

async function describe(
  options: Pick<ProviderOptions, 'db' | 'groupsOf'>,
  provider: Provider,
  { uid, prompt, params, session }: Details,
): Promise<Interaction | null> {
  const client = await provider.Client.find(String(params['client_id']));
  if (!client || (prompt.name !== 'login' && prompt.name !== 'consent')) return null;
  const account = session && (await findAccount(options, session.accountId));
  const claims = await account?.claims('userinfo', 'openid email', {}, []);
  return {
    uid,
    prompt: prompt.name,
    clientName: client.clientName ?? client.clientId,
    redirectUri: typeof params['redirect_uri'] === 'string' ? params['redirect_uri'] : null,
    scopes: String(params['scope'] ?? '')
      .split(' ')
      .filter(Boolean),
    email: typeof claims?.['email'] === 'string' ? claims['email'] : null,
  };
}

/** Remembers what the person agreed to, beside what they had agreed to before. */
async function saveGrant(provider: Provider, { grantId, prompt, params, session }: Details): Promise<string> {
  const existing = grantId === undefined ? undefined : await provider.Grant.find(grantId);
  const person = { accountId: session?.accountId ?? '', clientId: String(params['client_id']) };
  const grant = existing ?? new provider.Grant(person);
  const { missingOIDCScope: scopes, missingOIDCClaims: claims } = prompt.details;
  if (Array.isArray(scopes)) grant.addOIDCScope(scopes.join(' '));
  if (Array.isArray(claims)) grant.addOIDCClaims(claims);
  return grant.save();
}
