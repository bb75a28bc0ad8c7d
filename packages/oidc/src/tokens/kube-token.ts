import type { Actor, MembershipGrant } from '@hexabase/kernel/actor.ts';
import { AppError } from '@hexabase/kernel/errors.ts';
import type { WorkspaceId } from '@hexabase/kernel/id.ts';
import type { IssuerDeps } from '../sessions/issue-tokens.ts';
import { accessTokenSeconds, workspaceAudience } from './claims.ts';
import { signToken } from './sign.ts';

export interface KubeTokenRequest {
  actor: Pick<Actor, 'userId' | 'email' | 'sessionId' | 'token'>;
  workspaceId: WorkspaceId;
  /** Groups that are bound in this workspace; each begins with `hexabase:`. */
  groups: readonly string[];
  /** From `readEpoch`, read before the groups were computed. */
  epoch: number;
  /** Of an operator who was let in: the token ends with it. */
  grant?: MembershipGrant;
}

export interface KubeToken {
  token: string;
  /** RFC 3339. */
  expiresAt: string;
}

const groupPattern = /^hexabase:[\w:.-]{1,200}$/;

/**
 * Mints the OIDC token that the API server of one workspace accepts, for 15 minutes or until what it was asked with ends.
 * Throws AppError `internal` for a group outside our prefix: nobody must become `system:masters` by a slip.
 */
export async function mintKubeToken(
  deps: Omit<IssuerDeps, 'db'>,
  request: KubeTokenRequest,
): Promise<KubeToken> {
  const foreign = request.groups.find((group) => !groupPattern.test(group));
  if (foreign !== undefined)
    throw new AppError('internal', { cause: new Error(`group ${foreign} must not be minted`) });
  const nowMs = deps.clock.now();
  const lifetimeSeconds = lifetimeOf(request, nowMs);
  const token = await signToken(
    deps.keys,
    {
      sub: request.actor.userId,
      typ: 'kube',
      email: request.actor.email,
      email_verified: true,
      groups: [...request.groups],
      sid: request.actor.sessionId,
      ep: request.epoch,
      ...(request.actor.token && { api_token: request.actor.token.name }),
      ...(request.grant && { access_grant: request.grant.id }),
    },
    {
      headerType: 'JWT',
      issuer: deps.issuer,
      audience: workspaceAudience(request.workspaceId),
      nowMs,
      lifetimeSeconds,
    },
  );
  return { token, expiresAt: new Date((Math.floor(nowMs / 1000) + lifetimeSeconds) * 1000).toISOString() };
}

/** At least a second, which is over at once: whether grant and API token still hold was looked at before. */
function lifetimeOf({ grant, actor }: KubeTokenRequest, nowMs: number): number {
  const ends = [grant, actor.token].flatMap((given) => (given ? [Date.parse(given.expiresAt)] : []));
  const left = ends.map((endMs) => Math.floor((endMs - nowMs) / 1000));
  return Math.max(1, Math.min(accessTokenSeconds, ...left));
}
