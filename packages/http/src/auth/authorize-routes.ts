import { AppError } from '@hexabase/kernel/errors.ts';
import type { FastifyInstance, FastifyReply, FastifyRequest } from 'fastify';
import { sendForm } from '../pages/html.ts';
import { signInPage } from '../pages/sign-in.ts';
import type { Problem } from '../pages/ways.ts';
import { authorizeQuery, authorizeTarget, parseBody, signInForm } from './auth-input.ts';
import type { AuthIdentity } from './auth-port.ts';
import { browserOrigin } from './browser-origin.ts';
import { openForm, requireOwnForm } from './form-guard.ts';
import { answerPageError, problemFrom } from './page-errors.ts';
import { SecondStepNeeded, sendSecondStep } from './second-factor/second-step.ts';
import type { WaysIn } from './upstream/ways-in.ts';

interface Authorization {
  clientId: string;
  redirectUri: string;
  codeChallenge: string;
  state: string | undefined;
}

/**
 * `/auth/authorize`: the page on which somebody signs in for a program on the same computer (RFC 8252). What the program
 * asked for stays in the address and is judged anew at each step, so nothing has to be remembered in between.
 */
export async function authorizeRoutes(
  app: FastifyInstance,
  { identity, ways }: { identity: AuthIdentity; ways: WaysIn },
): Promise<void> {
  app.setErrorHandler((error, _request, reply) => answerPageError(error, reply));

  const show = async (
    request: FastifyRequest,
    reply: FastifyReply,
    shown: { email: string; problem: Problem | null; redirectUri: string },
  ) =>
    sendForm(reply, {
      title: shown.problem ? 'Problem: sign in' : 'Sign in',
      formAction: sourcesOf(shown.redirectUri),
      body: signInPage({
        action: request.url,
        client: 'hks, the command line,',
        formToken: openForm(request, reply, browserOrigin(request, identity.issuer)),
        email: shown.email,
        problem: shown.problem,
        ways: await ways.shown(request, request.url),
      }),
    });

  app.get('/auth/authorize', async (request, reply) => {
    const wanted = judge(identity, request.query);
    if ('refusal' in wanted) return reply.redirect(wanted.refusal, 303);
    return show(request, reply, { email: '', problem: null, redirectUri: wanted.redirectUri });
  });

  app.post('/auth/authorize', async (request, reply) => {
    const wanted = judge(identity, request.query);
    const form = parseBody(signInForm, request.body);
    requireOwnForm(request, browserOrigin(request, identity.issuer), form.form_token);
    if ('refusal' in wanted) return reply.redirect(wanted.refusal, 303);
    const { state: _state, ...binding } = wanted;
    if (form.decision === 'deny') {
      const refused = {
        error: 'access_denied',
        error_description: 'The sign-in was refused in the browser.',
      };
      return reply.redirect(callback(wanted, refused), 303);
    }
    let code: string;
    try {
      const person = await ways.prove(request, reply, { ...form, returnTo: request.url });
      code = await identity.browser.authorize({ ...binding, ...person, address: request.ip });
    } catch (error) {
      if (error instanceof SecondStepNeeded) {
        const formAction = sourcesOf(wanted.redirectUri);
        const shown = { identity, needed: error, action: request.url, formAction };
        return sendSecondStep(request, reply, shown);
      }
      const problem = problemFrom(error, reply);
      return show(request, reply, { email: form.email, problem, redirectUri: wanted.redirectUri });
    }
    return reply.header('cache-control', 'no-store').redirect(callback(wanted, { code }), 303);
  });
}

function sourcesOf(redirectUri: string): string {
  return `'self' ${new URL(redirectUri).origin}`;
}

/**
 * Nothing is ever sent to an address that is not the client's own: then it throws. Other faults go back to the client
 * (RFC 6749 §4.1.2.1).
 */
function judge(identity: AuthIdentity, query: unknown): Authorization | { refusal: string } {
  const target = authorizeTarget.safeParse(query);
  if (!target.success || !identity.browser.mayRedirect(target.data.client_id, target.data.redirect_uri)) {
    throw new AppError('validation_failed', {
      details: { fields: [{ path: 'redirect_uri', message: 'is not an address of this client' }] },
    });
  }
  const { client_id: clientId, redirect_uri: redirectUri } = target.data;
  const rest = authorizeQuery.safeParse(query);
  if (rest.success) {
    return { clientId, redirectUri, codeChallenge: rest.data.code_challenge, state: rest.data.state };
  }
  const names = rest.error.issues.map((issue) => issue.path.join('.')).join(', ');
  const refusal = callback(
    { redirectUri, state: stateOf(query) },
    { error: 'invalid_request', error_description: `Missing or not valid: ${names}.` },
  );
  return { refusal };
}

function stateOf(query: unknown): string | undefined {
  const state = typeof query === 'object' && query !== null && 'state' in query ? query.state : undefined;
  return typeof state === 'string' ? state : undefined;
}

function callback(to: Pick<Authorization, 'redirectUri' | 'state'>, answer: Record<string, string>): string {
  const query = new URLSearchParams({ ...answer, ...(to.state !== undefined && { state: to.state }) });
  return `${to.redirectUri}?${query}`;
}
