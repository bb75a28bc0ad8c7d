import { minorOf } from './drivers/vcluster/kubernetes-version.ts';

export interface IdentityTrust {
  /** `iss` of the tokens; https, without query or fragment. */
  issuer: string;
  /** `aud` of the tokens: `ws:<workspaceId>`. */
  audience: string;
  /** PEM of the authority that signs the issuer's certificate; null for the ones that the API server's system trusts. */
  certificateAuthority: string | null;
  /** Where discovery is answered when the API server cannot reach the issuer under its own name; https. */
  discoveryUrl?: string;
  /** Of the API server that reads it, `v1.34.4`; one of 1.34 or newer when absent. */
  kubernetesVersion?: string | undefined;
}

/** Longest lifetime of a token in seconds, and what clocks may differ by. */
const tokenSeconds = 900;
const skewSeconds = 5;
const prefix = 'hexabase:';

/**
 * The token contract of workspaces as `AuthenticationConfiguration` (Kubernetes, "Authenticating", structured
 * authentication; v1 since 1.34, v1beta1 with the same fields before): one issuer, one audience, verified e-mail, short lives, groups of ours only. The same
 * rules as `packages/oidc/src/tenant-authenticator.ts` applies for the embedded driver; change both or none.
 */
export function authenticationConfiguration(trust: IdentityTrust): Record<string, unknown> {
  return {
    apiVersion: `apiserver.config.k8s.io/${isBeforeV1(trust.kubernetesVersion) ? 'v1beta1' : 'v1'}`,
    kind: 'AuthenticationConfiguration',
    jwt: [
      {
        issuer: {
          url: trust.issuer,
          ...(trust.discoveryUrl !== undefined && { discoveryURL: trust.discoveryUrl }),
          audiences: [trust.audience],
          ...(trust.certificateAuthority !== null && { certificateAuthority: trust.certificateAuthority }),
        },
        claimValidationRules: [
          rule("claims.?typ.orValue('') == 'kube'", 'this is no token for a workspace'),
          rule('claims.?email_verified.orValue(false) == true', 'the e-mail address is not verified'),
          rule(
            `claims.exp - claims.iat <= ${tokenSeconds + skewSeconds}`,
            `the token is valid for longer than ${tokenSeconds} seconds`,
          ),
          rule("!claims.email.startsWith('system:')", 'the user name is reserved'),
          rule(
            `type(claims.groups) == list && dyn(claims.groups).all(group, type(group) == string && group.startsWith('${prefix}'))`,
            'a group is not one of Hexabase',
          ),
        ],
        claimMappings: {
          username: { claim: 'email', prefix },
          groups: { claim: 'groups', prefix: '' },
          uid: { claim: 'sub' },
        },
        userValidationRules: [
          rule(`user.username.startsWith('${prefix}')`, 'the user name is reserved'),
          rule(`user.groups.all(group, group.startsWith('${prefix}'))`, 'a group is reserved'),
        ],
      },
    ],
  };
}

function rule(expression: string, message: string): { expression: string; message: string } {
  return { expression, message };
}

/** An API server does not start with a version of the file that it does not know. */
function isBeforeV1(kubernetesVersion: string | undefined): boolean {
  const minor = minorOf(kubernetesVersion ?? '');
  return minor !== null && minor < 34;
}
