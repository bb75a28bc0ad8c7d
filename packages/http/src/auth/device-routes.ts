import type { FastifyInstance, FastifyReply, FastifyRequest } from 'fastify';
import { html, sendForm, sendPage } from '../pages/html.ts';
import { codePage, confirmPage, endPage } from '../pages/sign-in.ts';
import type { Problem } from '../pages/ways.ts';
import { parseBody, signInForm } from './auth-input.ts';
import type { AuthIdentity } from './auth-port.ts';
import { browserOrigin } from './browser-origin.ts';
import { openForm, requireOwnForm } from './form-guard.ts';
import { answerPageError, problemFrom } from './page-errors.ts';
import { SecondStepNeeded, sendSecondStep } from './second-factor/second-step.ts';
import type { WaysIn } from './upstream/ways-in.ts';

/**
 * `/device`: the pages of the device flow (RFC 8628 §3.3). Somebody types the code of a waiting program, sees what it is
 * and where it asked from, and proves who they are to allow it. No session stays in the browser: another site that makes
 * it send a form has nobody's rights to use.
 */
export async function deviceRoutes(
  app: FastifyInstance,
  { identity, ways }: { identity: AuthIdentity; ways: WaysIn },
): Promise<void> {
  app.setErrorHandler((error, _request, reply) => answerPageError(error, reply));
  const pages = devicePages(identity, ways);

  app.get('/device', async (request, reply) =>
    pages.askCode(request, reply, { userCode: userCodeOf(request.query), problem: null }),
  );

  app.post('/device', async (request, reply) => {
    const { user_code: userCode } = ownForm(identity, request);
    try {
      return await pages.confirm(request, reply, { userCode, email: '', problem: null });
    } catch (error) {
      return pages.askCode(request, reply, { userCode, problem: problemFrom(error, reply) });
    }
  });

  app.post('/device/decision', async (request, reply) => {
    const form = ownForm(identity, request);
    const userCode = form.user_code;
    try {
      if (form.decision === 'deny') {
        await identity.browser.denyDevice({ userCode, address: request.ip });
        return sendPage(
          reply,
          'Refused',
          endPage({ title: 'Refused', text: 'The program was told no. You can close this page.' }),
        );
      }
      await identity.browser.findDevice({ userCode, address: request.ip });
      const person = await ways.prove(request, reply, { ...form, returnTo: pageOf(userCode) });
      await identity.browser.approveDevice({ userCode, person });
    } catch (error) {
      if (error instanceof SecondStepNeeded) {
        const hidden = html`<input type="hidden" name="user_code" value="${userCode}" />`;
        const shown = { identity, needed: error, action: '/device/decision', formAction: "'self'", hidden };
        return sendSecondStep(request, reply, shown);
      }
      return await pages.again(request, reply, { userCode, email: form.email, error });
    }
    const text = 'The program on your device is signed in. You can close this page.';
    return sendPage(reply, 'Signed in', endPage({ title: 'Signed in', text }));
  });
}

function devicePages(identity: AuthIdentity, ways: WaysIn) {
  const tokenFor = (request: FastifyRequest, reply: FastifyReply): string =>
    openForm(request, reply, browserOrigin(request, identity.issuer));

  const askCode = (
    request: FastifyRequest,
    reply: FastifyReply,
    shown: { userCode: string; problem: Problem | null },
  ) =>
    sendForm(reply, {
      title: shown.problem ? 'Problem: connect a device' : 'Connect a device',
      formAction: "'self'",
      body: codePage({ ...shown, formToken: tokenFor(request, reply) }),
    });

  const confirm = async (
    request: FastifyRequest,
    reply: FastifyReply,
    shown: { userCode: string; email: string; problem: Problem | null },
  ): Promise<FastifyReply> => {
    const found = await identity.browser.findDevice({ userCode: shown.userCode, address: request.ip });
    const form = {
      formToken: tokenFor(request, reply),
      email: shown.email,
      problem: shown.problem,
      ways: await ways.shown(request, pageOf(shown.userCode)),
    };
    return sendForm(reply, {
      title: shown.problem ? 'Problem: allow a device' : 'Allow a device',
      formAction: "'self'",
      body: confirmPage(form, {
        client: 'hks, the Hexabase AI command line',
        userCode: shown.userCode.toUpperCase(),
        deviceName: found.deviceName,
        address: found.address,
        since: found.createdAt.toISOString(),
      }),
    });
  };

  /** The confirmation with what was wrong; the first page when nothing waits any more or the guessing is slowed down. */
  const again = async (
    request: FastifyRequest,
    reply: FastifyReply,
    failed: { userCode: string; email: string; error: unknown },
  ): Promise<FastifyReply> => {
    const problem = problemFrom(failed.error, reply);
    try {
      return await confirm(request, reply, { ...failed, problem });
    } catch {
      return askCode(request, reply, { userCode: failed.userCode, problem });
    }
  };

  return { askCode, confirm, again };
}

function ownForm(identity: AuthIdentity, request: FastifyRequest) {
  const form = parseBody(signInForm, request.body);
  requireOwnForm(request, browserOrigin(request, identity.issuer), form.form_token);
  return form;
}

/** Where a browser goes on that was away to sign in for this code. */
function pageOf(userCode: string): string {
  return `/device?${new URLSearchParams({ user_code: userCode.toUpperCase() })}`;
}

function userCodeOf(query: unknown): string {
  const code = typeof query === 'object' && query !== null && 'user_code' in query ? query.user_code : '';
  return typeof code === 'string' ? code.slice(0, 20) : '';
}
