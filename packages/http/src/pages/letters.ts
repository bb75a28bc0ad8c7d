import { html, type Html } from './html.ts';
import { faultOf, problemOf, type Problem } from './ways.ts';

interface LetterForm {
  formToken: string;
  problem: Problem | null;
}

/** Asks for the address to which a letter goes. */
export function askLetterPage(
  form: LetterForm & { title: string; lead: string; action: string; email: string },
): Html {
  return html`<h1>${form.title}</h1>
    <p class="lead">${form.lead}</p>
    ${problemOf(form.problem)}
    <form method="post" action="${form.action}">
      <input type="hidden" name="form_token" value="${form.formToken}" />
      <label for="email">E-mail address</label>
      <input
        id="email"
        name="email"
        type="email"
        value="${form.email}"
        required
        maxlength="254"
        autocomplete="username"
        autofocus
        ${faultOf(form.problem)}
      />
      <p class="actions"><button>Send the letter</button></p>
    </form>`;
}

/** Whoever has the letter chooses a password. */
export function choosePasswordPage(form: LetterForm & { title: string; email: string; code: string }): Html {
  return html`<h1>${form.title}</h1>
    <p class="lead">For ${form.email}. Take at least 12 characters; a sentence is good.</p>
    ${problemOf(form.problem)}
    <form method="post" action="/auth/finish">
      <input type="hidden" name="form_token" value="${form.formToken}" />
      <input type="hidden" name="code" value="${form.code}" />
      <input type="hidden" name="email" value="${form.email}" autocomplete="username" />
      <label for="password">New password</label>
      <input
        id="password"
        name="password"
        type="password"
        required
        minlength="12"
        maxlength="1024"
        autocomplete="new-password"
        autofocus
        ${faultOf(form.problem)}
      />
      <p class="actions"><button>Set the password</button></p>
    </form>`;
}
