import { AppError } from '@hexabase/kernel/errors.ts';
import type { FastifyInstance, FastifyReply, FastifyRequest } from 'fastify';
import { sendForm } from '../pages/html.ts';
import { clientSignInPage, consentPage } from '../pages/sign-in.ts';
import type { Problem } from '../pages/ways.ts';
import { parseBody, signInForm } from './auth-input.ts';
import type {
  AuthIdentity,
  AuthProven,
  OidcExchange,
  OidcInteraction,
  OidcInteractions,
} from './auth-port.ts';
import { browserOrigin } from './browser-origin.ts';
import { openForm, requireOwnForm } from './form-guard.ts';
import { answerPageError, problemFrom } from './page-errors.ts';
import { SecondStepNeeded, sendSecondStep } from './second-factor/second-step.ts';
import type { WaysIn } from './upstream/ways-in.ts';

type Visit = FastifyRequest<{ Params: { uid: string } }>;

/**
 * `/oidc/interaction/{uid}`: where somebody signs in for a client of the OpenID provider, and agrees to what it learns.
 * The provider's cookie, set for this path alone, says whose interaction it is.
 */
export async function interactionRoutes(
  app: FastifyInstance,
  { identity, ways, interactions }: { identity: AuthIdentity; ways: WaysIn; interactions: OidcInteractions },
): Promise<void> {
  app.setErrorHandler((error, _request, reply) => answerPageError(error, reply));

  const show = async (
    request: FastifyRequest,
    reply: FastifyReply,
    shown: { asked: OidcInteraction; email: string; problem: Problem | null },
  ): Promise<FastifyReply> => {
    const { asked, email, problem } = shown;
    const formToken = openForm(request, reply, browserOrigin(request, identity.issuer));
    const offered = await ways.shown(request, pageOf(asked));
    const form = { action: request.url, formToken, email, problem, ways: offered };
    const host = asked.redirectUri === null ? null : new URL(asked.redirectUri).host;
    const consent = { client: asked.clientName, host, scopes: asked.scopes };
    return sendForm(reply, {
      title: problem ? 'Problem: sign in' : asked.prompt === 'login' ? 'Sign in' : 'Allow',
      formAction: sourcesOf(asked),
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
    let person: AuthProven;
    try {
      person = await ways.prove(request, reply, { ...form, returnTo: pageOf(asked) });
    } catch (error) {
      if (error instanceof SecondStepNeeded) {
        const shown = { identity, needed: error, action: request.url, formAction: sourcesOf(asked) };
        return sendSecondStep(request, reply, shown);
      }
      return show(request, reply, { asked, email: form.email, problem: problemFrom(error, reply) });
    }
    return reply.redirect(await interactions.login(exchange, person), 303);
  });
}

/** Where a browser goes on that was away to sign in. */
function pageOf({ uid }: OidcInteraction): string {
  return `/oidc/interaction/${uid}`;
}

function sourcesOf({ redirectUri }: OidcInteraction): string {
  return redirectUri === null ? "'self'" : `'self' ${sourceOf(redirectUri)}`;
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
