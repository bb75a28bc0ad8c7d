import type { IncomingMessage } from 'node:http';
import type { Clock } from '@hexabase/kernel/clock.ts';
import { isAppError } from '@hexabase/kernel/errors.ts';
import type { KeyRing } from './keys/key-ring.ts';
import { bearerToken } from './tokens/bearer.ts';
import { kubeClaims, workspaceAudience, type KubeClaims } from './tokens/claims.ts';
import { createVerifier } from './tokens/verify.ts';

/** `authentication.k8s.io` UserInfo, as the embedded Kubernetes takes it. */
export interface TenantUser {
  username: string;
  uid: string;
  groups: string[];
  extra: Record<string, string[]>;
}

export interface TenantAuthenticatorOptions {
  keys: Pick<KeyRing, 'find'>;
  issuer: string;
  clock: Clock;
}

const prefix = 'hexabase:';

/**
 * Authenticates requests of one workspace the way an API server does with an AuthenticationConfiguration of ours: issuer,
 * audience `ws:<id>`, RS256, expiry, verified e-mail, groups with our prefix only. It trusts nothing that the gateway
 * found out before. Null means 401.
 */
export function tenantAuthenticator(
  options: TenantAuthenticatorOptions,
): (workspaceId: string) => (request: IncomingMessage) => Promise<TenantUser | null> {
  const verifier = createVerifier({ ...options, headerType: 'JWT', claims: kubeClaims });
  return (workspaceId) => async (request) => {
    try {
      return userOf(
        await verifier.verify(bearerToken(request.headers.authorization), workspaceAudience(workspaceId)),
      );
    } catch (error) {
      if (isAppError(error, 'unauthenticated') || isAppError(error, 'token_expired')) return null;
      throw error;
    }
  };
}

function userOf(claims: KubeClaims): TenantUser | null {
  if (claims.email.startsWith('system:') || !claims.groups.every((group) => group.startsWith(prefix)))
    return null;
  return {
    username: `${prefix}${claims.email}`,
    uid: claims.sub,
    groups: claims.groups,
    // The same key as upstream's, since Kubernetes 1.32 (KEP-4193).
    extra: { 'authentication.kubernetes.io/credential-id': [`JTI=${claims.jti}`] },
  };
}
