import { html, type Html } from './html.ts';

/** Why a form is shown again; the field is the one to mend. */
export interface Problem {
  message: string;
}

/** How somebody may say who they are on this page. */
export interface Ways {
  passwords: boolean;
  providers: readonly { label: string; href: string }[];
  /** Passwords by letter: lost ones, and those of new accounts. */
  letters: { signUp: boolean } | null;
  /** What came of a sign-in at a provider, for this page. */
  outcome: { state: 'proven' | 'confirm'; email: string; label: string } | null;
}

interface Asked {
  email: string;
  problem: Problem | null;
  ways: Ways;
}

/** Inside the form: the fields for e-mail and password, or who has signed in already. */
export function whoFields(form: Asked): Html {
  const { outcome, passwords } = form.ways;
  if (outcome?.state === 'proven') {
    return html`<p role="status">You have signed in as <b>${outcome.email}</b> with ${outcome.label}.</p>`;
  }
  return html`${outcome ? confirmNotice(outcome) : ''}${passwords ? credentialFields(form) : ''}`;
}

/** Below the form: the other ways. */
export function otherWays({ passwords, providers, letters }: Ways): Html {
  if (providers.length === 0 && !passwords) {
    return html`<p class="problem">No way to sign in is switched on here. Ask whoever runs this server.</p>`;
  }
  return html`${letterLinks(letters)}
  ${
    providers.length === 0
      ? ''
      : html`<ul class="ways" aria-label="Other ways to sign in">
          ${providers.map(({ label, href }) => html`<li><a href="${href}">Continue with ${label}</a></li>`)}
        </ul>`
  }`;
}

function letterLinks(letters: Ways['letters']): Html {
  if (letters === null) return html``;
  return html`<p>
    <a href="/auth/reset">Lost your password?</a>
    ${letters.signUp ? html` · <a href="/auth/sign-up">Make an account</a>` : ''}
  </p>`;
}

/** Whether the form itself can be sent with what it asks for. */
export function canSend({ outcome, passwords }: Ways): boolean {
  return passwords || outcome?.state === 'proven';
}

function confirmNotice({ email, label }: { email: string; label: string }): Html {
  return html`<p class="problem" role="status">
    There is an account for ${email} already. Sign in to it here the way you did before; then ${label} is
    connected to it too.
  </p>`;
}

function credentialFields(form: Asked): Html {
  const email = form.email === '' ? (form.ways.outcome?.email ?? '') : form.email;
  const focus = email === '' ? ['autofocus', ''] : ['', 'autofocus'];
  return html`<label for="email">E-mail address</label>
    <input
      id="email"
      name="email"
      type="email"
      value="${email}"
      required
      maxlength="254"
      autocomplete="username"
      ${focus[0] ?? ''}
      ${faultOf(form.problem)}
    />
    <label for="password">Password</label>
    <input
      id="password"
      name="password"
      type="password"
      required
      maxlength="1024"
      autocomplete="current-password"
      ${focus[1] ?? ''}
      ${faultOf(form.problem)}
    />`;
}

/** Spoken at once by screen readers; the fields point to it. */
export function problemOf(problem: Problem | null): Html {
  return html`<div id="problem" aria-live="assertive">
    ${problem === null ? '' : html`<p class="problem" role="alert">${problem.message}</p>`}
  </div>`;
}

export function faultOf(problem: Problem | null): Html {
  return problem === null ? html`` : html`aria-invalid="true" aria-describedby="problem"`;
}
