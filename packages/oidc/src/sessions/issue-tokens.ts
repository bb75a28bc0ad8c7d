import { hash, randomBytes } from 'node:crypto';
import type { Clock } from '@hexabase/kernel/clock.ts';
import type { Database } from '@hexabase/postgres/database.ts';
import { sql } from 'kysely';
import type { KeyRing } from '../keys/key-ring.ts';
import { accessTokenSeconds, apiAudience } from '../tokens/claims.ts';
import { signToken } from '../tokens/sign.ts';
import type { LiveSession } from './session-store.ts';

/** What signing in and refreshing answer, in OAuth's words (RFC 6749 §5.1) plus who it is. */
export interface TokenSet {
  accessToken: string;
  refreshToken: string;
  tokenType: 'Bearer';
  /** Seconds. */
  expiresIn: number;
  /** RFC 3339. */
  expiresAt: string;
  user: SignedInUser;
}

export interface SignedInUser {
  id: string;
  email: string;
  displayName: string;
  platformRole: string | null;
  sessionId: string;
  organizations: { id: string; role: string }[];
}

export interface IssuerDeps {
  db: Pick<Database, 'asIdentity' | 'asWorker'>;
  keys: KeyRing;
  clock: Clock;
  issuer: string;
}

/** A token must fit into a header, however many things its holder has. */
const listedMax = 20;

const refreshTokenPattern = /^hksr_[\w-]{43}$/;

/** 256 random bits; the prefix lets secret scanners find a leaked one. */
export function newRefreshToken(): { token: string; hash: string } {
  const token = `hksr_${randomBytes(32).toString('base64url')}`;
  return { token, hash: hash('sha256', token, 'hex') };
}

/** The stored form of a presented token, or null when it cannot be one of ours. */
export function refreshTokenHash(presented: string): string | null {
  return refreshTokenPattern.test(presented) ? hash('sha256', presented, 'hex') : null;
}

/** Signs the access token that belongs to a session. Its lists inform the holder; nothing is decided from them. */
export async function issueTokens(
  deps: IssuerDeps,
  session: LiveSession,
  given: { refreshToken: string; deviceId: string | null },
): Promise<TokenSet> {
  const nowMs = deps.clock.now();
  const organizationIds = session.memberships
    .slice(0, listedMax)
    .map((membership) => membership.organizationId);
  const accessToken = await signToken(
    deps.keys,
    {
      sub: session.userId,
      typ: 'access',
      uid: session.userId,
      email: session.email,
      provider: 'password',
      orgs: organizationIds,
      workspaces: await workspacesOf(deps, organizationIds),
      perms: session.memberships
        .slice(0, listedMax)
        .map((membership) => `${membership.role}@${membership.organizationId}`),
      fp: given.deviceId === null ? null : hash('sha256', given.deviceId, 'base64url'),
      sid: session.sessionId,
    },
    {
      headerType: 'at+jwt',
      issuer: deps.issuer,
      audience: apiAudience,
      nowMs,
      lifetimeSeconds: accessTokenSeconds,
    },
  );
  return {
    accessToken,
    refreshToken: given.refreshToken,
    tokenType: 'Bearer',
    expiresIn: accessTokenSeconds,
    expiresAt: new Date((Math.floor(nowMs / 1000) + accessTokenSeconds) * 1000).toISOString(),
    user: signedInUser(session),
  };
}

export function signedInUser(session: LiveSession): SignedInUser {
  return {
    id: session.userId,
    email: session.email,
    displayName: session.displayName,
    platformRole: session.platformRole,
    sessionId: session.sessionId,
    organizations: [...session.memberships, ...session.withheld].map(({ organizationId, role }) => ({
      id: organizationId,
      role,
    })),
  };
}

async function workspacesOf(
  deps: Pick<IssuerDeps, 'db'>,
  organizationIds: readonly string[],
): Promise<string[]> {
  if (organizationIds.length === 0) return [];
  const { rows } = await deps.db.asWorker((tx) =>
    sql<{ id: string }>`
      SELECT id FROM hexabase.workspaces WHERE organization_id = ANY (${organizationIds}::text[]) AND deleted_at IS NULL
      ORDER BY id LIMIT ${listedMax}`.execute(tx),
  );
  return rows.map((row) => row.id);
}
