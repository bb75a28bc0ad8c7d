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

export function createAdmission(access: KubeAccess, clock: Clock): Admission {
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
    const id = isUuid(workspace) ? workspace : (await workspaces.get(workspace))?.id;
    if (id === undefined) throw unauthorized();
    return access.verify(token, id);
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
