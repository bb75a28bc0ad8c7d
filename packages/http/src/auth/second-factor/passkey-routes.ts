import type { FastifyInstance, FastifyReply, FastifyRequest } from 'fastify';
import * as z from 'zod';
import { sendForm, sendPage } from '../../pages/html.ts';
import { passkeyScript } from '../../pages/passkey-script.ts';
import { addPasskeyPage, factorAddedPage } from '../../pages/second-factor.ts';
import { parseBody } from '../auth-input.ts';
import type { AuthIdentity } from '../auth-port.ts';
import { browserOrigin } from '../browser-origin.ts';
import { openForm, requireOwnForm } from '../form-guard.ts';
import { answerPageError } from '../page-errors.ts';

const ticket = z.string().max(128).default('');
const query = z.object({ code: ticket });
const form = z.object({
  form_token: z.string().max(128).default(''),
  code: ticket,
  passkey: z.string().max(16_384).default(''),
});

/**
 * `/auth/passkey`: adds a passkey to the account of somebody who asked for it in a session of theirs. The address is good
 * once, for ten minutes, in the browser that opens it first.
 */
export async function passkeyRoutes(
  app: FastifyInstance,
  { identity }: { identity: AuthIdentity },
): Promise<void> {
  app.setErrorHandler((error, _request, reply) => answerPageError(error, reply));

  const show = async (
    request: FastifyRequest,
    reply: FastifyReply,
    { code, failed }: { code: string; failed: boolean },
  ) => {
    const origin = browserOrigin(request, identity.issuer);
    const formToken = openForm(request, reply, origin);
    const page = { ticket: code, browser: formToken, origin };
    const shown = await identity.secondFactors.openRegistration(page);
    const message = 'The browser’s answer did not fit. Try again.';
    return sendForm(reply, {
      title: failed ? 'Problem: add a passkey' : 'Add a passkey',
      formAction: "'self'",
      script: passkeyScript,
      body: addPasskeyPage({ ...shown, code, formToken, problem: failed ? { message } : null }),
    });
  };

  app.get('/auth/passkey', async (request, reply) =>
    show(request, reply, { ...parseBody(query, request.query), failed: false }),
  );

  app.post('/auth/passkey', async (request, reply) => {
    const { form_token: browser, code, passkey } = parseBody(form, request.body);
    const origin = browserOrigin(request, identity.issuer);
    requireOwnForm(request, origin, browser);
    const added = await identity.secondFactors.finishRegistration({ ticket: code, browser, origin, passkey });
    if (!added) return show(request, reply.status(400), { code, failed: true });
    return sendPage(reply, 'Passkey added', factorAddedPage(added));
  });
}
