import { AppError } from '@hexabase/kernel/errors.ts';
import type { FastifyInstance, FastifyReply, FastifyRequest } from 'fastify';
import { sendForm } from '../pages/html.ts';
import { clientSignInPage, consentPage, type Problem } from '../pages/sign-in.ts';
import { deviceOf } from './answer-tokens.ts';
import { parseBody, signInForm } from './auth-input.ts';
import type { AuthIdentity, OidcExchange, OidcInteraction, OidcInteractions } from './auth-port.ts';
import { browserOrigin } from './browser-origin.ts';
import { openForm, requireOwnForm } from './form-guard.ts';
import { answerPageError, problemFrom } from './page-errors.ts';

type Visit = FastifyRequest<{ Params: { uid: string } }>;

/**
 * `/oidc/interaction/{uid}`: where somebody signs in for a client of the OpenID provider, and agrees to what it learns.
 * The provider's cookie, set for this path alone, says whose interaction it is.
 */
export async function interactionRoutes(
  app: FastifyInstance,
  { identity, interactions }: { identity: AuthIdentity; interactions: OidcInteractions },
): Promise<void> {
  app.setErrorHandler((error, _request, reply) => answerPageError(error, reply));

  const show = (
    request: FastifyRequest,
    reply: FastifyReply,
    shown: { asked: OidcInteraction; email: string; problem: Problem | null },
  ): FastifyReply => {
    const { asked, email, problem } = shown;
    const formToken = openForm(request, reply, browserOrigin(request, identity.issuer));
    const form = { action: request.url, formToken, email, problem };
    const consent = { client: asked.clientName, host: new URL(asked.redirectUri).host, scopes: asked.scopes };
    return sendForm(reply, {
      title: problem ? 'Problem: sign in' : asked.prompt === 'login' ? 'Sign in' : 'Allow',
      formAction: `'self' ${sourceOf(asked.redirectUri)}`,
      body:
        asked.prompt === 'login'
          ? clientSignInPage({ ...form, client: asked.clientName })
          : consentPage(form, consent),
    });
  };

  app.get('/oidc/interaction/:uid', async (request: Visit, reply) => {
    const asked = await find(interactions, exchangeOf(request, reply));
    return show(request, reply, { asked, email: asked.email ?? '', problem: null });
  });

  app.post('/oidc/interaction/:uid', async (request: Visit, reply) => {
    const form = parseBody(signInForm, request.body);
    requireOwnForm(request, browserOrigin(request, identity.issuer), form.form_token);
    const exchange = exchangeOf(request, reply);
    const asked = await find(interactions, exchange);
    if (form.decision === 'deny') return reply.redirect(await interactions.refuse(exchange), 303);
    if (asked.prompt === 'consent') return reply.redirect(await interactions.consent(exchange), 303);
    let userId: string;
    try {
      const credentials = {
        email: form.email,
        password: form.password,
        device: deviceOf(request, undefined),
      };
      userId = await identity.checkPassword(credentials);
    } catch (error) {
      return show(request, reply, { asked, email: form.email, problem: problemFrom(error, reply) });
    }
    return reply.redirect(await interactions.login(exchange, userId), 303);
  });
}

function exchangeOf(request: Visit, reply: FastifyReply): OidcExchange {
  return { request: request.raw, response: reply.raw, uid: request.params.uid };
}

async function find(interactions: OidcInteractions, exchange: OidcExchange): Promise<OidcInteraction> {
  const asked = await interactions.find(exchange);
  if (asked) return asked;
  throw new AppError('not_found', {
    message:
      'This sign-in has expired or belongs to another browser. Go back to where you came from and start again.',
  });
}

/** Browsers hold the redirects after a form against the policy too, up to the client. */
function sourceOf(redirectUri: string): string {
  const { origin, protocol } = new URL(redirectUri);
  return origin === 'null' ? protocol : origin;
}
