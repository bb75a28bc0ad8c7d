import type { UserId } from '@hexabase/kernel/id.ts';
import { AppError } from '@hexabase/kernel/errors.ts';
import type { FastifyRequest } from 'fastify';
import type { Ways } from '../../pages/ways.ts';
import { deviceOf } from '../answer-tokens.ts';
import type { AuthIdentity, AuthLetters, AuthUpstream } from '../auth-port.ts';
import { browserOrigin } from '../browser-origin.ts';
import { browserOf } from './browser-cookie.ts';

export interface WaysIn {
  /** What the page at `returnTo` offers to whoever sits there. */
  shown(request: FastifyRequest, returnTo: string): Promise<Ways>;
  /**
   * Who sits at the browser: by the proof that a provider gave for this page, or by the credentials of the form. Throws
   * as `signIn` does.
   */
  prove(
    request: FastifyRequest,
    form: { email: string; password: string; returnTo: string },
  ): Promise<UserId>;
}

export function waysIn({
  identity,
  upstream,
  letters,
}: {
  identity: AuthIdentity;
  upstream?: AuthUpstream;
  letters?: AuthLetters;
}): WaysIn {
  const pageOf = (request: FastifyRequest, returnTo: string) => {
    const browser = browserOf(request, browserOrigin(request, identity.issuer));
    return browser === null ? null : { browser, returnTo };
  };
  return {
    async shown(request, returnTo) {
      const page = pageOf(request, returnTo);
      const [providers = [], outcome = null] = await Promise.all([
        upstream?.providers(),
        page ? upstream?.outcome(page) : null,
      ]);
      const query = new URLSearchParams({ return_to: returnTo });
      return {
        passwords: identity.passwords,
        letters: letters === undefined || !identity.passwords ? null : { signUp: letters.signUp },
        outcome,
        providers: providers.map(({ name, label }) => ({ label, href: `/auth/idp/${name}?${query}` })),
      };
    },
    async prove(request, { email, password, returnTo }) {
      const page = pageOf(request, returnTo);
      const known = page && password === '' ? await upstream?.take(page) : null;
      if (known) return known;
      if (email === '' && password === '') {
        throw new AppError('invalid_credentials', {
          message: 'Say who you are: this sign-in has expired or was not finished.',
        });
      }
      const userId = await identity.checkPassword({ email, password, device: deviceOf(request, undefined) });
      if (page) await upstream?.confirm({ ...page, userId });
      await letters?.signedIn(userId);
      return userId;
    },
  };
}
