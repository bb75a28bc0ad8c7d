import type { IncomingMessage, ServerResponse } from 'node:http';
import type { Actor } from '@hexabase/kernel/actor.ts';
import type { SessionId } from '@hexabase/kernel/id.ts';

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

/** What the addresses under `/auth` need; `openIdentity` of packages/oidc answers it. All throw AppErrors. */
export interface AuthIdentity {
  signIn(credentials: { email: string; password: string; device: AuthDevice }): Promise<AuthTokens>;
  refresh(presented: { refreshToken: string; deviceId: string | null }): Promise<AuthTokens>;
  authenticate(token: string): Promise<Actor>;
  describe(token: string): Promise<AuthUser>;
  signOut(token: string): Promise<void>;
  listSessions(actor: Actor): Promise<AuthSession[]>;
  endSession(actor: Actor, sessionId: SessionId): Promise<void>;
}

/** Serves the OpenID provider; the path begins with `/oidc`. */
export type OidcHandler = (request: IncomingMessage, response: ServerResponse) => void;
