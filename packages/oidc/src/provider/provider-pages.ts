import type { Configuration, KoaContextWithOIDC } from 'oidc-provider';

/** A page as it is sent. */
export interface ProviderPage {
  html: string;
  contentSecurityPolicy: string;
}

/** What the forms of these pages send back. */
export interface ProviderForm {
  action: string;
  /** Ties the form to the browser that opened it. */
  xsrf: string;
}

/** Pages that the provider shows people itself; sign-in and consent are interactions. */
export interface ProviderPages {
  /** The device flow, first page (RFC 8628 §3.3). */
  userCode(asked: ProviderForm & { userCode: string; problem: string | null }): ProviderPage;
  /** Second page: which client waits behind the code. */
  userCodeConfirm(asked: ProviderForm & { userCode: string; client: string; address: string }): ProviderPage;
  deviceDone(): ProviderPage;
  /** A client asks to sign somebody out; `backTo` is the origin to which the browser goes. */
  logout(asked: ProviderForm & { client: string | null; backTo: string | null }): ProviderPage;
  loggedOut(): ProviderPage;
  /** What nobody at the browser can mend here. */
  problem(said: { text: string }): ProviderPage;
}

/** Device flow and logout with our pages, revocation and introspection of a client's own tokens, back-channel logout. */
export function providerFeatures(pages: ProviderPages): NonNullable<Configuration['features']> {
  return {
    devInteractions: { enabled: false },
    // Nothing of ours asks for a proof of possession: said to be there, it would promise what no gateway keeps.
    dPoP: { enabled: false },
    // RFC 7009 §2.1, RFC 7662 §4: the token of somebody else is nobody's business.
    revocation: { enabled: true, allowedPolicy: isOwnToken },
    introspection: { enabled: true, allowedPolicy: isOwnToken },
    backchannelLogout: { enabled: true },
    rpInitiatedLogout: { enabled: true, ...logoutPages(pages) },
    deviceFlow: { enabled: true, ...devicePages(pages) },
  };
}

async function isOwnToken(
  _context: KoaContextWithOIDC,
  client: { clientId: string },
  token: { clientId?: string | undefined },
): Promise<boolean> {
  return token.clientId === client.clientId;
}

interface NamedClient {
  clientId: string;
  clientName?: string | undefined;
}

function devicePages(pages: ProviderPages) {
  return {
    charset: 'base-20' as const,
    mask: '****-****',
    deviceInfo: (context: KoaContextWithOIDC) => ({ address: context.ip }),
    userCodeInputSource(context: KoaContextWithOIDC, ...[, , error]: [string, unknown?, unknown?]) {
      const typed =
        error instanceof Error && 'userCode' in error ? error.userCode : context.state['userCode'];
      const asked = { userCode: typeof typed === 'string' ? typed : '', problem: problemOf(error) };
      show(context, pages.userCode({ ...formOf(context, 'code_verification'), ...asked }));
    },
    userCodeConfirmSource(
      context: KoaContextWithOIDC,
      ...[, client, device, userCode]: [string, NamedClient, Record<string, unknown>, string]
    ) {
      const asked = {
        userCode,
        client: client.clientName ?? client.clientId,
        address: String(device['address'] ?? ''),
      };
      show(context, pages.userCodeConfirm({ ...formOf(context, 'code_verification'), ...asked }));
    },
    successSource: (context: KoaContextWithOIDC) => show(context, pages.deviceDone()),
  };
}

function logoutPages(pages: ProviderPages) {
  return {
    logoutSource(context: KoaContextWithOIDC) {
      const { client, params } = context.oidc;
      const back = params?.['post_logout_redirect_uri'];
      const asked = {
        client: client?.clientName ?? client?.clientId ?? null,
        backTo: typeof back === 'string' ? sourceOf(back) : null,
      };
      show(context, pages.logout({ ...formOf(context, 'end_session_confirm'), ...asked }));
    },
    postLogoutSuccessSource: (context: KoaContextWithOIDC) => show(context, pages.loggedOut()),
  };
}

/** Shows the first page of the device flow with why no code is taken now. */
export function showDelay(
  context: KoaContextWithOIDC,
  pages: ProviderPages,
  retryAfterSeconds: number,
): void {
  const problem = `Too many wrong codes. Wait ${retryAfterSeconds} seconds, then try again.`;
  context.status = 429;
  context.set('retry-after', String(retryAfterSeconds));
  show(context, pages.userCode({ action: '/oidc/device', xsrf: '', userCode: '', problem }));
}

/** A form came from a browser that has opened none here. */
export function showLost(context: KoaContextWithOIDC, pages: ProviderPages): void {
  context.status = 400;
  const text = 'This form was not opened in this browser, or too long ago. Open the page again.';
  show(context, pages.problem({ text }));
}

/** The account changed between the sign-in and now: of what was issued nothing works, and nothing is sent. */
export function showChanged(context: KoaContextWithOIDC, pages: ProviderPages): void {
  context.remove('location');
  context.status = 403;
  const text =
    'The account has changed since you said who you are, for example its password. Go back to where you came from and start again.';
  show(context, pages.problem({ text }));
}

/** A browser came with something that the provider refuses; programs are told the same as JSON. */
export function showRefusal(
  context: KoaContextWithOIDC,
  pages: ProviderPages,
  refusal: { error: string; error_description?: string | undefined; cause: Error },
): void {
  show(
    context,
    pages.problem({ text: `${sentenceOf(refusal)} Go back to where you came from and start again.` }),
  );
}

function sentenceOf({
  error,
  error_description: description = error,
  cause,
}: Parameters<typeof showRefusal>[2]): string {
  if (cause.name === 'SessionNotFound') return 'This sign-in has expired or belongs to another browser.';
  if (error === 'server_error') return 'Something failed here, and the operators can see it.';
  return `The program that sent you here asked for what it may not have: ${description}.`;
}

function show(context: KoaContextWithOIDC, page: ProviderPage): void {
  context.type = 'html';
  context.set('content-security-policy', page.contentSecurityPolicy);
  context.set('cache-control', 'no-store');
  context.set('x-content-type-options', 'nosniff');
  // `no-referrer` would make browsers send `Origin: null` with our own forms.
  context.set('referrer-policy', 'same-origin');
  context.body = page.html;
}

function formOf(context: KoaContextWithOIDC, route: string): ProviderForm {
  const secret = context.oidc.session?.state?.['secret'];
  return {
    action: new URL(context.oidc.urlFor(route)).pathname,
    xsrf: typeof secret === 'string' ? secret : '',
  };
}

/** The provider's own sentences tell more than we do: whether a code ever was. */
function problemOf(error: unknown): string | null {
  if (error === undefined) return null;
  if (error instanceof Error && error.name === 'AbortedError') return 'Refused. The device was told no.';
  return 'Nothing waits for that code. It may be mistyped, used or older than ten minutes.';
}

/** What a content security policy calls an address. */
function sourceOf(uri: string): string {
  const { origin, protocol } = new URL(uri);
  return origin === 'null' ? protocol : origin;
}
