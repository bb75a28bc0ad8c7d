import type { IncomingMessage, ServerResponse } from 'node:http';
import type { Actor } from '@hexabase/kernel/actor.ts';
import type { SessionId, UserId } from '@hexabase/kernel/id.ts';

/** Where a sign-in comes from. */
export interface AuthDevice {
  userAgent: string | null;
  address: string;
  deviceId: string | null;
}

export interface AuthUser {
  id: string;
  email: string;
  displayName: string;
  platformRole: string | null;
  sessionId: string;
  organizations: { id: string; role: string }[];
}

export interface AuthTokens {
  accessToken: string;
  refreshToken: string;
  tokenType: 'Bearer';
  expiresIn: number;
  expiresAt: string;
  user: AuthUser;
}

export interface AuthSession {
  id: string;
  createdAt: Date;
  lastUsedAt: Date;
  expiresAt: Date;
  userAgent: string | null;
  address: string | null;
  current: boolean;
}

export interface AuthCredentials {
  email: string;
  password: string;
  device: AuthDevice;
  /** What `rememberDevice` gave to the browser or program. */
  knownDevice: string | null;
}

/** What a person is shown about the program that waits for them. */
export interface WaitingDevice {
  clientId: string;
  deviceName: string | null;
  address: string;
  createdAt: Date;
}

/**
 * Signing the command line in through a browser (RFC 8628, RFC 8252). What programs call throws errors named
 * `GrantError` whose `code` is OAuth's; what pages call throws AppErrors.
 */
export interface AuthBrowser {
  isClient(clientId: string): boolean;
  mayRedirect(clientId: string, redirectUri: string): boolean;
  authorize(
    request: AuthProven & { clientId: string; redirectUri: string; codeChallenge: string; address: string },
  ): Promise<string>;
  redeem(presented: {
    code: string;
    clientId: string;
    redirectUri: string;
    codeVerifier: string;
    device: AuthDevice;
  }): Promise<AuthTokens>;
  startDevice(asker: { clientId: string; deviceName: string | null; address: string }): Promise<{
    deviceCode: string;
    userCode: string;
    expiresIn: number;
    interval: number;
  }>;
  findDevice(typed: { userCode: string; address: string }): Promise<WaitingDevice>;
  approveDevice(approval: { userCode: string; person: AuthProven }): Promise<void>;
  denyDevice(denial: { userCode: string; address: string }): Promise<void>;
  pollDevice(presented: { deviceCode: string; clientId: string; device: AuthDevice }): Promise<AuthTokens>;
}

/** Somebody whose identity is proven, whether that took two factors, and of which state of the account that is true. */
export interface AuthProven {
  userId: UserId;
  secondFactor: boolean;
  proof: number;
}

/** One page of ours in one browser, at the origin that the browser sees. */
export interface AuthStepPage {
  browser: string;
  page: string;
  origin: string;
}

/** What a person is asked on the second page. */
export interface AuthSecondStep {
  ticket: string;
  /** They have an authenticator app; recovery codes everybody has. */
  app: boolean;
  /** What the browser is asked to sign, as JSON. */
  passkey: string | null;
}

/** Second factors in browsers; `secondFactors` of packages/oidc answers it. All throw AppErrors. */
export interface AuthSecondFactors {
  /** Null when nothing else is asked of this person. */
  beginPage(asked: { person: AuthProven; page: AuthStepPage }): Promise<AuthSecondStep | null>;
  /** Null when the ticket is good for nothing any more. */
  repeatPage(asked: { ticket: string; page: AuthStepPage }): Promise<AuthSecondStep | null>;
  finishPage(given: {
    ticket: string;
    page: AuthStepPage;
    code: string;
    passkey: string;
  }): Promise<{ kind: 'wrong' } | { kind: 'gone' } | { kind: 'proven'; userId: UserId; proof: number }>;
  openRegistration(page: {
    ticket: string;
    browser: string;
    origin: string;
  }): Promise<{ email: string; name: string; options: string }>;
  /** Null when the browser's answer does not fit. */
  finishRegistration(given: {
    ticket: string;
    browser: string;
    origin: string;
    passkey: string;
  }): Promise<{ recoveryCodes: string[] } | null>;
}

/** What the addresses under `/auth` need; `openIdentity` of packages/oidc answers it. All throw AppErrors. */
export interface AuthIdentity {
  /** Public https URL + `/oidc`. */
  readonly issuer: string;
  readonly browser: AuthBrowser;
  /** Whether e-mail and password are taken. */
  readonly passwords: boolean;
  /** Proves who somebody is without starting a session. Throws as `signIn` does. */
  checkPassword(credentials: AuthCredentials): Promise<AuthProven>;
  /** What a browser or program keeps in which somebody has just proven who they are; null for a disabled account. */
  rememberDevice(userId: UserId): Promise<string | null>;
  signIn(credentials: AuthCredentials): Promise<AuthTokens>;
  finishSignIn(given: { ticket: string; code: string; device: AuthDevice }): Promise<AuthTokens>;
  readonly secondFactors: AuthSecondFactors;
  refresh(presented: { refreshToken: string; deviceId: string | null }): Promise<AuthTokens>;
  authenticate(token: string): Promise<Actor>;
  describe(token: string): Promise<AuthUser>;
  changePassword(
    actor: Actor,
    change: { current: string; password: string; device: AuthDevice },
  ): Promise<void>;
  signOut(token: string): Promise<void>;
  listSessions(actor: Actor): Promise<AuthSession[]>;
  endSession(actor: Actor, sessionId: SessionId): Promise<void>;
}

/** One browser by its cookie, and the page of ours in it that asks who sits there. */
export interface AuthPage {
  browser: string;
  returnTo: string;
}

/** Signing in through identity providers elsewhere; `openUpstream` of packages/oidc answers it. All throw AppErrors. */
export interface AuthUpstream {
  providers(): Promise<{ name: string; label: string }[]>;
  start(asked: AuthPage & { provider: string; origin: string }): Promise<string>;
  finish(answer: { provider: string; browser: string; query: string }): Promise<{ returnTo: string }>;
  outcome(page: AuthPage): Promise<{ state: 'proven' | 'confirm'; email: string; label: string } | null>;
  take(page: AuthPage): Promise<AuthProven | null>;
  confirm(page: AuthPage & { userId: UserId }): Promise<void>;
}

/** Passwords by letter; `openLetters` of packages/oidc answers it. All throw AppErrors. */
export interface AuthLetters {
  /** Whether people may make accounts for themselves. */
  readonly signUp: boolean;
  ask(
    kind: 'reset' | 'sign_up',
    asked: { email: string; address: string; knownDevice: string | null },
  ): Promise<void>;
  find(code: string): Promise<{ kind: 'reset' | 'sign_up'; email: string }>;
  finish(given: { code: string; password: string }): Promise<{ userId: UserId }>;
  /** Somebody has signed in with a password: gives them what they are still due. */
  signedIn(userId: UserId): Promise<void>;
}

/** Tokens of CI systems exchanged for ours; `openFederation` of packages/oidc answers it. Throws a `GrantError` or an AppError `rate_limited`. */
export interface AuthFederation {
  exchange(presented: {
    token: string;
    serviceAccount: string;
    address: string;
  }): Promise<{ token: string; expiresIn: number; scope: string }>;
}

/** What a client of the provider waits for. */
export interface OidcInteraction {
  uid: string;
  prompt: 'login' | 'consent';
  clientName: string;
  /** Null when a device waits for the answer. */
  redirectUri: string | null;
  scopes: readonly string[];
  email: string | null;
}

export interface OidcExchange {
  request: IncomingMessage;
  response: ServerResponse;
  uid: string;
}

/** How people answer what clients ask; each answer gives the address at which the browser goes on. */
export interface OidcInteractions {
  find(exchange: OidcExchange): Promise<OidcInteraction | null>;
  login(exchange: OidcExchange, person: AuthProven): Promise<string>;
  consent(exchange: OidcExchange): Promise<string>;
  refuse(exchange: OidcExchange): Promise<string>;
}

/** Serves the OpenID provider; the path begins with `/oidc`. */
export type OidcHandler = ((request: IncomingMessage, response: ServerResponse) => void) & {
  interactions: OidcInteractions;
};
