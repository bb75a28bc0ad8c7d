import type { IncomingMessage } from 'node:http';
import { isAppError } from '@hexabase/kernel/errors.ts';
import type { Logger } from '@hexabase/kernel/log.ts';
import type { KoaContextWithOIDC, Provider } from 'oidc-provider';
import { changeInTurn } from '../sessions/account-turns.ts';
import { reserveAttempt, returnAttempt } from '../sessions/login-attempts.ts';
import { pollsTooFast } from './device-poll.ts';
import { beginBrowserSession, endBrowserSession, noteBrowserSession } from './logout/browser-session.ts';
import { insertNotice } from './logout/notice-store.ts';
import type { ProviderOptions } from './provider-configuration.ts';
import { showChanged, showDelay, showLost } from './provider-pages.ts';

type Guard = (context: KoaContextWithOIDC, next: () => Promise<void>) => Promise<void>;
type GuardOptions = ProviderOptions & { log: Logger };

/** What the provider leaves to us: addresses for people, browsers as sessions, and brakes on guessing and polling. */
export function guardRequests(provider: Provider, options: GuardOptions): void {
  for (const guard of [formsOfNobody, peoplesAddresses, browserSessions, slowGuesses, slowPolls]) {
    provider.use(guard(options));
  }
  provider.on('backchannel.error', (...[, error, client, userId, sid]) => {
    options.log.info(
      { error, clientId: client.clientId },
      'a client did not hear of a logout; it is told again',
    );
    const notice = { clientId: client.clientId, userId, sid };
    options.db
      .asIdentity((tx) => insertNotice(tx, notice, options.clock.now()))
      .catch((failure: unknown) =>
        options.log.error({ error: failure }, 'a logout notice could not be kept'),
      );
  });
}

/** The provider fails where it would show a form again in a browser of which it knows nothing: nothing was kept for that. */
function formsOfNobody({ pages }: GuardOptions): Guard {
  return async (context, next) => {
    try {
      await next();
    } catch (error) {
      const { session, route } = context.oidc ?? {};
      const isForm = route === 'code_verification' || route === 'device_resume';
      if (!isForm || typeof session?.exp === 'number') throw error;
      showLost(context, pages);
    }
  };
}

/**
 * Pages that people open lie at `browserOrigin`, which is not where programs call; and who came by `discoveryOrigin` finds
 * the keys there too.
 */
function peoplesAddresses({ browserOrigin, discoveryOrigin, issuer }: GuardOptions): Guard {
  const origin = browserOrigin ?? new URL(issuer).origin;
  return async (context, next) => {
    await next();
    const body = fieldsOf(context.body);
    if (context.oidc?.route === 'discovery') {
      context.body = {
        ...body,
        authorization_endpoint: `${origin}/oidc/auth`,
        ...('end_session_endpoint' in body && { end_session_endpoint: `${origin}/oidc/session/end` }),
        ...(cameBy(context.req, discoveryOrigin) && { jwks_uri: `${discoveryOrigin}/oidc/jwks` }),
      };
    }
    if (context.oidc?.route === 'device_authorization' && typeof body['user_code'] === 'string') {
      const page = `${origin}/oidc/device`;
      const complete = `${page}?user_code=${encodeURIComponent(body['user_code'])}`;
      context.body = { ...body, verification_uri: page, verification_uri_complete: complete, interval: 5 };
    }
  };
}

/** By the Host header as it was sent: in `headers` there is the issuer's by now. Nothing of it is ever written anywhere. */
function cameBy({ rawHeaders }: IncomingMessage, origin: string | undefined): boolean {
  if (origin === undefined) return false;
  const name = rawHeaders.findIndex((text, index) => index % 2 === 0 && text.toLowerCase() === 'host');
  const host = name < 0 ? '' : (rawHeaders[name + 1] ?? '');
  return host.toLowerCase().replace(/:443$/, '') === new URL(origin).host;
}

/** A browser that is signed in here is one of the person's sessions. */
function browserSessions({ db, clock, pages }: GuardOptions): Guard {
  return async (context, next) => {
    await next();
    const { session, route, result } = context.oidc ?? {};
    if (!session) return;
    const nowMs = clock.now();
    if ('destroyed' in session && session.destroyed === true) {
      const owner = session.accountId ?? session.uid;
      await changeInTurn(owner, () => db.asIdentity((tx) => endBrowserSession(tx, session.uid, nowMs)));
      return;
    }
    const { accountId: userId, uid, exp } = session;
    if (userId === undefined || !['authorization', 'resume', 'device_resume'].includes(route ?? '')) return;
    const place = { userAgent: context.get('user-agent').slice(0, 512) || null, address: context.ip };
    const expiresAt = new Date(exp * 1000);
    const secondFactor = session.amr?.includes('mfa') === true;
    const noted = { uid, userId, expiresAt, secondFactor, ...place };
    // A sign-in, and not the browser of an earlier one.
    if (result?.login === undefined) {
      await changeInTurn(userId, () => db.asIdentity((tx) => noteBrowserSession(tx, noted, nowMs)));
      return;
    }
    const signedIn = { ...noted, proof: Number(result.login['proof'] ?? -1) };
    const begin = () => db.asIdentity((tx) => beginBrowserSession(tx, signedIn, nowMs));
    if (!(await changeInTurn(userId, begin))) showChanged(context, pages);
  };
}

/** Wrong user codes cost time, as wrong passwords do (RFC 8628 §5.1). A code in the address is shown and not sent. */
function slowGuesses({ db, clock, pages }: GuardOptions): Guard {
  return async (context, next) => {
    if (context.path !== '/device') return next();
    if (context.method === 'GET') {
      const { user_code: userCode } = context.query;
      context.state['userCode'] = typeof userCode === 'string' ? userCode.slice(0, 20) : '';
      context.querystring = '';
    }
    if (context.method !== 'POST') return next();
    const place = { email: 'device code', address: context.ip };
    try {
      await db.asIdentity((tx) => reserveAttempt(tx, place, clock.now()));
    } catch (error) {
      if (!isAppError(error, 'rate_limited')) throw error;
      showDelay(context, pages, Number(error.details['retryAfterSeconds']));
      return;
    }
    await next();
    if (context.oidc?.entities.DeviceCode) await db.asIdentity((tx) => returnAttempt(tx, place));
  };
}

/** Devices that do not keep to the interval are told so, and wait longer (RFC 8628 §3.5). */
function slowPolls({ db, clock }: GuardOptions): Guard {
  return async (context, next) => {
    await next();
    if (context.oidc?.route !== 'token' || fieldsOf(context.body)['error'] !== 'authorization_pending')
      return;
    const code = context.oidc.params?.['device_code'];
    if (typeof code !== 'string') return;
    if (await db.asIdentity((tx) => pollsTooFast(tx, code, clock.now()))) {
      context.body = { error: 'slow_down', error_description: 'wait longer between two questions' };
      context.status = 400;
    }
  };
}

function fieldsOf(body: unknown): Record<string, unknown> {
  return typeof body === 'object' && body !== null ? { ...body } : {};
}
