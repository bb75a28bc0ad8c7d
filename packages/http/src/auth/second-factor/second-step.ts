import type { AppError } from '@hexabase/kernel/errors.ts';
import type { FastifyReply, FastifyRequest } from 'fastify';
import { sendForm, type Html } from '../../pages/html.ts';
import { passkeyScript } from '../../pages/passkey-script.ts';
import { secondStepPage } from '../../pages/second-factor.ts';
import type { AuthIdentity, AuthSecondStep, AuthStepPage } from '../auth-port.ts';
import { browserOrigin } from '../browser-origin.ts';
import { openForm } from '../form-guard.ts';
import { problemFrom } from '../page-errors.ts';

/** The first factor is proven and another is asked: the page has to show one more form. */
export class SecondStepNeeded extends Error {
  readonly step: AuthSecondStep;
  /** Why the form is shown again. */
  readonly refusal: AppError | null;

  constructor(step: AuthSecondStep, refusal: AppError | null = null) {
    super('a second factor is asked');
    this.name = 'SecondStepNeeded';
    this.step = step;
    this.refusal = refusal;
  }
}

/** The page on which a second step is asked, in the browser that opened its form. */
export function stepPage(
  request: FastifyRequest,
  identity: Pick<AuthIdentity, 'issuer'>,
  form: { form_token: string; returnTo: string },
): AuthStepPage {
  const origin = browserOrigin(request, identity.issuer);
  // The token was compared with the browser's cookie before anything else was looked at.
  return { browser: form.form_token, page: form.returnTo, origin };
}

export interface StepShown {
  identity: Pick<AuthIdentity, 'issuer'>;
  needed: SecondStepNeeded;
  /** Where the form is sent: to the page that asked for the first factor. */
  action: string;
  /** CSP sources, as of that page. */
  formAction: string;
  /** Fields that the page needs again. */
  hidden?: Html;
}

/** Shows the form for the second factor in place of the page's own. */
export function sendSecondStep(
  request: FastifyRequest,
  reply: FastifyReply,
  { identity, needed, action, formAction, hidden }: StepShown,
): FastifyReply {
  const { step, refusal } = needed;
  const problem = refusal && problemFrom(refusal, reply);
  const formToken = openForm(request, reply, browserOrigin(request, identity.issuer));
  return sendForm(reply, {
    title: problem ? 'Problem: second step' : 'Second step',
    formAction,
    body: secondStepPage({ action, formToken, problem, step, ...(hidden && { hidden }) }),
    ...(step.passkey !== null && { script: passkeyScript }),
  });
}
