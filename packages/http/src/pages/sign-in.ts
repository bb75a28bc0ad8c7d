import { html, type Html } from './html.ts';
import { canSend, faultOf, otherWays, problemOf, whoFields, type Problem, type Ways } from './ways.ts';

export interface SignInForm {
  /** Where the form is sent. */
  action: string;
  formToken: string;
  email: string;
  problem: Problem | null;
  ways: Ways;
}

/** The loopback flow: a program on this computer asks who sits here. */
export function signInPage(form: SignInForm & { client: string }): Html {
  return html`<h1>Sign in to Hexabase AI</h1>
    <p class="lead">${form.client} on this computer asks to be signed in as you.</p>
    ${problemOf(form.problem)}
    <form method="post" action="${form.action}">
      <input type="hidden" name="form_token" value="${form.formToken}" />
      ${whoFields(form)}
      <p class="actions">
        ${canSend(form.ways) ? html`<button name="decision" value="allow">Sign in</button>` : ''}
        <button name="decision" value="deny" class="quiet" formnovalidate>Cancel</button>
      </p>
    </form>
    ${otherWays(form.ways)}
    <p>Did you not start this yourself? Then close this page.</p>`;
}

/** A client of the provider asks who somebody is. */
export function clientSignInPage(form: SignInForm & { client: string }): Html {
  return html`<h1>Sign in to Hexabase AI</h1>
    <p class="lead">to go on to ${form.client}</p>
    ${problemOf(form.problem)}
    <form method="post" action="${form.action}">
      <input type="hidden" name="form_token" value="${form.formToken}" />
      ${whoFields(form)}
      <p class="actions">
        ${canSend(form.ways) ? html`<button name="decision" value="allow">Sign in</button>` : ''}
        <button name="decision" value="deny" class="quiet" formnovalidate>Cancel</button>
      </p>
    </form>
    ${otherWays(form.ways)}`;
}

const meanings: ReadonlyMap<string, string> = new Map([
  ['openid', 'know that it is you'],
  ['email', 'see your e-mail address'],
  ['profile', 'see your name'],
  ['groups', 'see the groups you belong to'],
  ['offline_access', 'stay signed in while you are away'],
]);

/** A client asks to be told more, or to do more, than before. No button has the keyboard: it is read before it is answered. */
export function consentPage(
  form: Pick<SignInForm, 'action' | 'formToken' | 'email'>,
  asked: { client: string; host: string | null; scopes: readonly string[] },
): Html {
  return html`<h1>Let ${asked.client} know who you are?</h1>
    <p class="lead">
      You are signed in as ${form.email}.
      ${asked.host === null ? 'Afterwards you go on at your device.' : `Afterwards you go on to ${asked.host}.`}
    </p>
    <p>It asks to</p>
    <ul>
      ${asked.scopes.map((scope) => html`<li>${meanings.get(scope) ?? scope}</li>`)}
    </ul>
    <form method="post" action="${form.action}">
      <input type="hidden" name="form_token" value="${form.formToken}" />
      <p class="actions">
        <button name="decision" value="allow">Allow</button>
        <button name="decision" value="deny" class="quiet">Refuse</button>
      </p>
    </form>`;
}

export interface CodeForm {
  formToken: string;
  userCode: string;
  problem: Problem | null;
}

/** The device flow, first page: which program waits? */
export function codePage(form: CodeForm): Html {
  const hidden = html`<input type="hidden" name="form_token" value="${form.formToken}" />`;
  return html`<h1>Connect a device</h1>
    <p class="lead">Type the code that <code>hks login --device</code> shows.</p>
    ${codeField({ action: '/device', hidden, userCode: form.userCode, problem: form.problem })}`;
}

/** The form in which somebody types what a device shows; `hidden` ties it to this browser. */
export function codeField(form: {
  action: string;
  hidden: Html;
  userCode: string;
  problem: Problem | null;
}): Html {
  return html`${problemOf(form.problem)}
    <form method="post" action="${form.action}">
      ${form.hidden}
      <label for="user_code">Code</label>
      <input
        class="code"
        id="user_code"
        name="user_code"
        value="${form.userCode}"
        required
        maxlength="20"
        autofocus
        autocomplete="off"
        autocapitalize="characters"
        spellcheck="false"
        placeholder="XXXX-XXXX"
        ${faultOf(form.problem)}
      />
      <p class="actions"><button>Continue</button></p>
    </form>`;
}

export interface Waiting {
  client: string;
  userCode: string;
  deviceName: string | null;
  address: string;
  /** RFC 3339. */
  since: string;
}

/** The device flow, second page: what waits, and whether it may act for the person who signs in here. */
export function confirmPage(form: Omit<SignInForm, 'action'>, waiting: Waiting): Html {
  return html`<h1>Let this program act as you?</h1>
    <p class="lead">Allow it only if you have just started it yourself and it shows this very code.</p>
    <dl>
      <dt>Program</dt>
      <dd>${waiting.client}</dd>
      <dt>Code</dt>
      <dd><code>${waiting.userCode}</code></dd>
      ${
        waiting.deviceName === null
          ? ''
          : html`<dt>Device</dt>
              <dd>${waiting.deviceName} (as it calls itself)</dd>`
      }
      <dt>Asked from</dt>
      <dd>${waiting.address}</dd>
      <dt>Since</dt>
      <dd><time datetime="${waiting.since}">${waiting.since.slice(0, 16).replace('T', ' ')} UTC</time></dd>
    </dl>
    ${problemOf(form.problem)}
    <form method="post" action="/device/decision">
      <input type="hidden" name="form_token" value="${form.formToken}" />
      <input type="hidden" name="user_code" value="${waiting.userCode}" />
      ${whoFields(form)}
      <p class="actions">
        ${canSend(form.ways) ? html`<button name="decision" value="allow">Sign in and allow</button>` : ''}
        <button name="decision" value="deny" class="quiet" formnovalidate>Refuse</button>
      </p>
    </form>
    ${otherWays(form.ways)}`;
}

/** The last page: nothing more to do here. */
export function endPage(outcome: { title: string; text: string }): Html {
  return html`<h1>${outcome.title}</h1>
    <p class="lead" role="status">${outcome.text}</p>`;
}
