import { html, renderForm, type Html } from './html.ts';
import { codeField, endPage } from './sign-in.ts';

interface Page {
  html: string;
  contentSecurityPolicy: string;
}

interface Form {
  action: string;
  xsrf: string;
}

/** The pages that the OpenID provider shows people itself: devices of other programs, and signing out. */
export const providerPages = {
  userCode(asked: Form & { userCode: string; problem: string | null }): Page {
    const problem = asked.problem === null ? null : { message: asked.problem };
    const body = html`<h1>Connect a device</h1>
      <p class="lead">Type the code that your program or device shows.</p>
      ${codeField({ action: asked.action, hidden: xsrfField(asked), userCode: asked.userCode, problem })}`;
    return renderForm({
      title: problem ? 'Problem: connect a device' : 'Connect a device',
      formAction: "'self'",
      body,
    });
  },

  userCodeConfirm(asked: Form & { userCode: string; client: string; address: string }): Page {
    const body = html`<h1>Let ${asked.client} sign you in?</h1>
      <p class="lead">Go on only if you have just started it yourself and it shows this very code.</p>
      <dl>
        <dt>Program</dt>
        <dd>${asked.client}</dd>
        <dt>Code</dt>
        <dd><code>${asked.userCode}</code></dd>
        <dt>Asked from</dt>
        <dd>${asked.address}</dd>
      </dl>
      <form method="post" action="${asked.action}">
        ${xsrfField(asked)}
        <input type="hidden" name="user_code" value="${asked.userCode}" />
        <p class="actions">
          <button name="confirm" value="yes">Continue</button>
          <button name="abort" value="yes" class="quiet">Refuse</button>
        </p>
      </form>`;
    return renderForm({ title: 'Allow a device', formAction: "'self'", body });
  },

  deviceDone(): Page {
    const text = 'The program on your device is signed in. You can close this page.';
    return lastPage({ title: 'Signed in', text });
  },

  logout(asked: Form & { client: string | null; backTo: string | null }): Page {
    const body = html`<h1>Sign out of Hexabase AI?</h1>
      <p class="lead">
        ${
          asked.client === null
            ? 'This browser is signed out here and of every program that you opened with it.'
            : `${asked.client} asks to sign this browser out, here and of every program that you opened with it.`
        }
      </p>
      <form method="post" action="${asked.action}">
        ${xsrfField(asked)}
        <p class="actions">
          <button name="logout" value="yes" autofocus>Sign out</button>
          <button class="quiet">Stay signed in</button>
        </p>
      </form>`;
    const formAction = asked.backTo === null ? "'self'" : `'self' ${asked.backTo}`;
    return renderForm({ title: 'Sign out', formAction, body });
  },

  loggedOut(): Page {
    return lastPage({ title: 'Done', text: 'You can close this page.' });
  },

  problem({ text }: { text: string }): Page {
    return lastPage({ title: 'This did not work', text });
  },
};

function xsrfField({ xsrf }: Form): Html {
  return html`<input type="hidden" name="xsrf" value="${xsrf}" />`;
}

function lastPage(outcome: { title: string; text: string }): Page {
  return renderForm({ title: outcome.title, formAction: "'none'", body: endPage(outcome) });
}
