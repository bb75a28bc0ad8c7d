import type { IncomingMessage } from 'node:http';
import type { Clock } from '@hexabase/kernel/clock.ts';
import { isAppError } from '@hexabase/kernel/errors.ts';
import { isUuid } from '@hexabase/kernel/id.ts';
import type { KubeAccess, KubeSession, ReachableWorkspace } from '@hexabase/oidc/kube-access.ts';
import type { KubeClaims } from '@hexabase/oidc/tokens/claims.ts';
import { Refusal, unauthorized, unavailable } from './refusal.ts';
import { onlyBearerToken } from './request-headers.ts';
import { shortCache } from './short-cache.ts';

/** Somebody whose token, session and workspace were found good. The workspace may be asleep. */
export interface Admitted {
  claims: KubeClaims;
  workspace: ReachableWorkspace;
}

export interface Admission {
  /**
   * Checks the token of a request against the workspace in its path. Nothing is awaited between the last look at the
   * session and the return, so a caller that registers the connection at once misses no revocation.
   * Throws `Refusal`: 401, 403, 404 or 503.
   */
  admit(request: IncomingMessage, workspace: string): Promise<Admitted>;
  sessionOf(session: { userId: string; sessionId: string; workspaceId: string }): Promise<KubeSession | null>;
  /** A user's sessions or roles changed; '' for any. */
  revoked(userId: string): void;
}

/** No answer about a session or a workspace is used for longer, even if every notification were lost. */
const rememberedMs = 1_000;

export function createAdmission(
  access: Pick<KubeAccess, 'verify' | 'findWorkspace' | 'session'>,
  clock: Clock,
): Admission {
  const workspaces = shortCache((name) => access.findWorkspace(name), { ttlMs: rememberedMs, clock });
  const sessions = shortCache(
    (key) => {
      const [userId = '', sessionId = '', workspaceId = ''] = key.split(' ');
      return access.session({ userId, sessionId, workspaceId });
    },
    { ttlMs: rememberedMs, clock },
  );
  let revocations = 0;

  async function claimsFor(request: IncomingMessage, workspace: string): Promise<KubeClaims> {
    const token = onlyBearerToken(request.rawHeaders);
    if (isUuid(workspace)) return access.verify(token, workspace);
    // Only who has a token of ours makes us ask the database for a name.
    await access.verify(token, workspaceSaidBy(token));
    const named = await workspaces.get(workspace);
    if (!named) throw unauthorized();
    return access.verify(token, named.id);
  }

  async function liveSession(claims: KubeClaims): Promise<KubeSession> {
    for (;;) {
      const before = revocations;
      const session = await sessions.get(`${claims.sub} ${claims.sid} ${claims.aud.slice('ws:'.length)}`);
      if (revocations !== before) continue;
      if (session?.epoch !== claims.ep) throw unauthorized();
      return session;
    }
  }

  return {
    async admit(request, name) {
      try {
        const claims = await claimsFor(request, name);
        const workspace = await workspaces.get(claims.aud.slice('ws:'.length));
        const { withheld } = await liveSession(claims);
        if (workspace && withheld.includes(workspace.organizationId)) throw withoutFactor();
        if (!workspace) throw new Refusal(404, 'NotFound', { message: 'the workspace is gone' });
        if (!workspace.servable && !workspace.asleep) throw unavailable('the workspace is not active');
        return { claims, workspace };
      } catch (error) {
        throw refusalOf(error);
      }
    },
    sessionOf: (session) => access.session(session),
    revoked(userId) {
      revocations += 1;
      if (userId === '') sessions.clear();
      else sessions.forgetPrefix(`${userId} `);
    },
  };
}

/** Whose a token says it is for, which nobody has verified; '' when it says nothing. */
function workspaceSaidBy(token: string): string {
  try {
    const claims: unknown = JSON.parse(Buffer.from(token.split('.', 2)[1] ?? '', 'base64url').toString());
    const isSaid = typeof claims === 'object' && claims !== null && 'aud' in claims;
    return isSaid && typeof claims.aud === 'string' ? claims.aud.slice('ws:'.length) : '';
  } catch {
    return '';
  }
}

function withoutFactor(): Refusal {
  const message =
    'second_factor_required: the organization of this workspace asks its members for a second factor; run `hks login` ' +
    'and, within five minutes, `hks second-factor add-totp` or `add-passkey`';
  return new Refusal(403, 'Forbidden', { message });
}

function refusalOf(error: unknown): unknown {
  if (error instanceof Refusal) return error;
  if (isAppError(error, 'unauthenticated') || isAppError(error, 'token_expired')) return unauthorized();
  if (isAppError(error) && error.status >= 500) return unavailable('access cannot be checked right now');
  return error;
}
