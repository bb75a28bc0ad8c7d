import { AppError, isAppError } from '@hexabase/kernel/errors.ts';
import type { FastifyReply, FastifyRequest } from 'fastify';
import type { Ways } from '../../pages/ways.ts';
import { deviceOf } from '../answer-tokens.ts';
import type { AuthIdentity, AuthLetters, AuthProven, AuthUpstream } from '../auth-port.ts';
import { browserOrigin } from '../browser-origin.ts';
import { keepDevice, knownDeviceOf } from '../cookies/device-cookie.ts';
import { SecondStepNeeded, stepPage } from '../second-factor/second-step.ts';
import { browserOf } from './browser-cookie.ts';

/** What a page of ours sends about who sits there. */
export interface WhoForm {
  form_token: string;
  email: string;
  password: string;
  /** The ticket of the second step, and what answers it. */
  second_factor: string;
  code: string;
  passkey: string;
  returnTo: string;
}

export interface WaysIn {
  /** What the page at `returnTo` offers to whoever sits there. */
  shown(request: FastifyRequest, returnTo: string): Promise<Ways>;
  /**
   * Who sits at the browser: by the proof that a provider gave for this page, or by the credentials of the form, and by
   * a second factor where the account has one. The browser is known from then on. Throws as `signIn` does, and
   * `SecondStepNeeded` between the two steps.
   */
  prove(request: FastifyRequest, reply: FastifyReply, form: WhoForm): Promise<AuthProven>;
}

interface Parts {
  identity: AuthIdentity;
  upstream?: AuthUpstream;
  letters?: AuthLetters;
}

export function waysIn(parts: Parts): WaysIn {
  const { identity, upstream, letters } = parts;
  return {
    async shown(request, returnTo) {
      const page = upstreamPage(parts, request, returnTo);
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
    async prove(request, reply, form) {
      const person =
        form.second_factor === ''
          ? await firstStep(parts, request, form)
          : await secondStep(parts, request, form);
      // Only now: who has one factor of two must not connect a provider to the account.
      const page = upstreamPage(parts, request, form.returnTo);
      if (page) await upstream?.confirm({ ...page, userId: person.userId });
      await letters?.signedIn(person.userId);
      await keepDevice({ request, reply }, identity, person.userId);
      return person;
    },
  };
}

async function firstStep(parts: Parts, request: FastifyRequest, form: WhoForm): Promise<AuthProven> {
  const { identity } = parts;
  const person = await firstFactor(parts, request, form);
  if (person.secondFactor) return person;
  const page = stepPage(request, identity, form);
  const step = await identity.secondFactors.beginPage({ person, page });
  if (step) throw new SecondStepNeeded(step);
  return person;
}

async function firstFactor(
  parts: Parts,
  request: FastifyRequest,
  { email, password, returnTo }: WhoForm,
): Promise<AuthProven> {
  const { identity } = parts;
  const page = upstreamPage(parts, request, returnTo);
  const known = page && password === '' ? await parts.upstream?.take(page) : null;
  if (known) return known;
  if (email === '' && password === '') {
    throw new AppError('invalid_credentials', {
      message: 'Say who you are: this sign-in has expired or was not finished.',
    });
  }
  const device = deviceOf(request, undefined);
  const knownDevice = knownDeviceOf(request, identity);
  return identity.checkPassword({ email, password, device, knownDevice });
}

async function secondStep({ identity }: Parts, request: FastifyRequest, form: WhoForm): Promise<AuthProven> {
  const { second_factor: ticket, code, passkey } = form;
  const page = stepPage(request, identity, form);
  let refusal = new AppError('invalid_credentials', {
    message: 'That did not fit, or was used already. Try again, with the next code of the app.',
  });
  try {
    const outcome = await identity.secondFactors.finishPage({ ticket, page, code, passkey });
    if (outcome.kind === 'proven') {
      const { userId, proof } = outcome;
      return { userId, secondFactor: true, proof };
    }
  } catch (error) {
    if (!isAppError(error, 'rate_limited')) throw error;
    refusal = error;
  }
  const step = await identity.secondFactors.repeatPage({ ticket, page });
  if (step) throw new SecondStepNeeded(step, refusal);
  throw new AppError('invalid_credentials', {
    message: 'The second step took too long, or was tried too often. Sign in again.',
  });
}

function upstreamPage({ identity }: Parts, request: FastifyRequest, returnTo: string) {
  const browser = browserOf(request, browserOrigin(request, identity.issuer));
  return browser === null ? null : { browser, returnTo };
}
