import { html, type Html } from './html.ts';
import { faultOf, problemOf, type Problem } from './ways.ts';

interface Step {
  ticket: string;
  app: boolean;
  passkey: string | null;
}

export interface SecondStepForm {
  action: string;
  formToken: string;
  problem: Problem | null;
  step: Step;
  /** Fields that the page needs again. */
  hidden?: Html;
}

/** Who somebody is is proven once; the second factor proves it again. */
export function secondStepPage(form: SecondStepForm): Html {
  const { step } = form;
  const hidden = html`<input type="hidden" name="form_token" value="${form.formToken}" />
    <input type="hidden" name="second_factor" value="${step.ticket}" />
    ${form.hidden ?? ''}`;
  return html`<h1>One more step</h1>
    <p class="lead">Your account asks for a second factor.</p>
    ${problemOf(form.problem)}
    ${step.passkey === null ? '' : passkeyForm({ ...form, hidden, passkey: step.passkey })}
    <form method="post" action="${form.action}">
      ${hidden}
      <label for="code"
        >${step.app ? 'Code of your authenticator app, or a recovery code' : 'Recovery code'}</label
      >
      <input
        id="code"
        name="code"
        required
        maxlength="64"
        autocomplete="one-time-code"
        autocapitalize="characters"
        spellcheck="false"
        ${step.passkey === null || form.problem ? html`autofocus` : ''}
        ${faultOf(form.problem)}
      />
      <p class="actions">
        <button name="decision" value="allow">Continue</button>
        <button name="decision" value="deny" class="quiet" formnovalidate>Cancel</button>
      </p>
    </form>
    <p>
      Lost all of them? Only an operator of this platform can remove them; whoever owns your organization
      cannot.
    </p>`;
}

function passkeyForm({
  action,
  hidden,
  passkey,
  problem,
}: {
  action: string;
  hidden: Html;
  passkey: string;
  problem: Problem | null;
}): Html {
  return html`<form method="post" action="${action}" data-passkey="${passkey}" data-ceremony="get" hidden>
      ${hidden}
      <input type="hidden" name="passkey" value="" />
      <p class="actions">
        <button type="button" ${problem === null ? html`autofocus` : ''}>Use a passkey</button>
      </p>
      <p id="passkey-problem" role="alert"></p>
    </form>
    <noscript><p>Passkeys need JavaScript, which is off in this browser.</p></noscript>`;
}

/** Somebody who asked for it in a session of theirs adds a passkey in this browser. */
export function addPasskeyPage(form: {
  email: string;
  name: string;
  options: string;
  code: string;
  formToken: string;
  problem: Problem | null;
}): Html {
  return html`<h1>Add a passkey</h1>
    <p class="lead">It becomes a second factor of ${form.email}, under the name “${form.name}”.</p>
    ${problemOf(form.problem)}
    <form method="post" action="/auth/passkey" data-passkey="${form.options}" data-ceremony="create" hidden>
      <input type="hidden" name="form_token" value="${form.formToken}" />
      <input type="hidden" name="code" value="${form.code}" />
      <input type="hidden" name="passkey" value="" />
      <p class="actions"><button type="button" autofocus>Make the passkey</button></p>
      <p id="passkey-problem" role="alert"></p>
    </form>
    <noscript><p class="problem">Passkeys need JavaScript, which is off in this browser.</p></noscript>
    <p>Is this not your account, or did you not ask for this? Then close this page.</p>`;
}

/** The last page; the codes are shown here and never again. */
export function factorAddedPage({ recoveryCodes }: { recoveryCodes: readonly string[] }): Html {
  const codes =
    recoveryCodes.length === 0
      ? ''
      : html`<h2>Recovery codes</h2>
          <p>
            Keep them where nobody else reads them. Each signs you in once when your second factors are lost.
            They are shown only now.
          </p>
          <pre>${recoveryCodes.join('\n')}</pre>`;
  return html`<h1>Passkey added</h1>
    <p class="lead" role="status">From now on signing in asks for a second factor.</p>
    ${codes}
    <p>You can close this page.</p>`;
}
