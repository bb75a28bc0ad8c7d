import { isAppError } from '@hexabase/kernel/errors.ts';
import type { FastifyInstance, FastifyReply, FastifyRequest } from 'fastify';
import * as z from 'zod';
import { sendForm, sendPage } from '../../pages/html.ts';
import { askLetterPage, choosePasswordPage } from '../../pages/letters.ts';
import { endPage } from '../../pages/sign-in.ts';
import type { Problem } from '../../pages/ways.ts';
import { parseBody } from '../auth-input.ts';
import type { AuthIdentity, AuthLetters } from '../auth-port.ts';
import { browserOrigin } from '../browser-origin.ts';
import { keepDevice, knownDeviceOf } from '../cookies/device-cookie.ts';
import { openForm, requireOwnForm } from '../form-guard.ts';
import { answerPageError, problemFrom } from '../page-errors.ts';

const form = z.object({
  form_token: z.string().max(128).default(''),
  email: z.string().max(254).default(''),
  code: z.string().max(128).default(''),
  password: z.string().max(1024).default(''),
});
const finishQuery = z.object({ code: z.string().max(128).default('') });

const asks = {
  reset: {
    path: '/auth/reset',
    title: 'Set a new password',
    lead: 'We send a letter to the address of your account; it says how to go on.',
  },
  sign_up: {
    path: '/auth/sign-up',
    title: 'Make an account',
    lead: 'We send a letter to your address, to know that it is yours; it says how to go on.',
  },
} as const;

type Kind = keyof typeof asks;

/**
 * `/auth/reset`, `/auth/sign-up` and `/auth/finish`: a password by letter. What the pages say does not depend on whether
 * there is an account.
 */
export async function letterRoutes(
  app: FastifyInstance,
  { identity, letters }: { identity: AuthIdentity; letters: AuthLetters },
): Promise<void> {
  app.setErrorHandler((error, _request, reply) => answerPageError(error, reply));
  const page = letterPages(identity);
  addAsking(app, { identity, letters }, { page, kind: 'reset' });
  if (letters.signUp) addAsking(app, { identity, letters }, { page, kind: 'sign_up' });

  const choose = async (
    request: FastifyRequest,
    reply: FastifyReply,
    { code, problem }: { code: string; problem: Problem | null },
  ) => {
    const { kind, email } = await letters.find(code);
    const { title } = asks[kind];
    const formToken = page.tokenFor(request, reply);
    const body = choosePasswordPage({ title, email, code, problem, formToken });
    return sendForm(reply, { ...titled(title, problem), body });
  };
  app.get('/auth/finish', async (request, reply) =>
    choose(request, reply, { ...parseBody(finishQuery, request.query), problem: null }),
  );
  app.post('/auth/finish', async (request, reply) => {
    const { code, password } = page.ownForm(request);
    try {
      const { userId } = await letters.finish({ code, password });
      // Whoever reads the letter gets in, however many guess: this browser has nothing to wait for.
      await keepDevice({ request, reply }, identity, userId);
    } catch (error) {
      if (!isAppError(error) || error.code !== 'validation_failed') throw error;
      return choose(request, reply, { code, problem: formProblem(error, reply) });
    }
    const text =
      'Your password is set. Now sign in with it: go back to where you came from, or run `hks login`.';
    return sendPage(reply, 'Done', endPage({ title: 'Done', text }));
  });
}

type LetterPages = ReturnType<typeof letterPages>;

function letterPages(identity: AuthIdentity) {
  return {
    tokenFor: (request: FastifyRequest, reply: FastifyReply): string =>
      openForm(request, reply, browserOrigin(request, identity.issuer)),
    ownForm(request: FastifyRequest) {
      const sent = parseBody(form, request.body);
      requireOwnForm(request, browserOrigin(request, identity.issuer), sent.form_token);
      return sent;
    },
  };
}

function addAsking(
  app: FastifyInstance,
  { identity, letters }: { identity: AuthIdentity; letters: AuthLetters },
  { page, kind }: { page: LetterPages; kind: Kind },
): void {
  const { path, title, lead } = asks[kind];
  const show = (
    request: FastifyRequest,
    reply: FastifyReply,
    given: { email: string; problem: Problem | null },
  ) => {
    const shown = { ...given, title, lead, action: path, formToken: page.tokenFor(request, reply) };
    return sendForm(reply, { ...titled(title, given.problem), body: askLetterPage(shown) });
  };
  app.get(path, async (request, reply) => show(request, reply, { email: '', problem: null }));
  app.post(path, async (request, reply) => {
    const { email } = page.ownForm(request);
    try {
      const knownDevice = knownDeviceOf(request, identity);
      await letters.ask(kind, { email, address: request.ip, knownDevice });
    } catch (error) {
      return show(request, reply, { email, problem: formProblem(error, reply) });
    }
    const text = `If ${email} can be used here, a letter is on its way, or has come within the last hour: each of that hour is good. Read it and go on from there.`;
    return sendPage(reply, 'Read your mail', endPage({ title: 'Read your mail', text }));
  });
}

function titled(title: string, problem: Problem | null): { title: string; formAction: string } {
  return { title: problem ? `Problem: ${title}` : title, formAction: "'self'" };
}

/** What to mend in a field, in the words of the refusal. */
function formProblem(error: unknown, reply: FastifyReply): Problem {
  if (!isAppError(error) || error.code !== 'validation_failed') return problemFrom(error, reply);
  const { fields } = error.details;
  const [first]: { path?: unknown; message?: unknown }[] = Array.isArray(fields) ? fields : [];
  void reply.status(error.status);
  return {
    message: first ? `This ${String(first.path)} cannot be taken: ${String(first.message)}.` : error.message,
  };
}
