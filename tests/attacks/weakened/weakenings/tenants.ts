import type { Weakening } from '../weakening.ts';
/** Checks on who belongs where, and what somebody may ask for. */
export const tenantsWeakenings: readonly Weakening[] = [
  {
    attack: 'A01 another organization’s owner is nobody at the cluster of a workspace, whatever they ask for',
    changes: [
      {
        file: 'packages/oidc/src/tokens/verify.ts',
        find: "if (claims.aud !== audience) throw new AppError('unauthenticated');",
        replace: '',
      },
    ],
    because: 'a token of any workspace is taken at every address',
  },
  {
    attack: 'A01 another organization’s owner gets no token for a workspace, and no word that it is there',
    changes: [
      {
        file: 'packages/oidc/src/sessions/session-store.ts',
        find: 'AS membership, m.created_at,',
        replace:
          "AS membership,\n          m.created_at - CASE WHEN m.user_id = u.id THEN interval '1 year' ELSE interval '0' END AS created_at,",
      },
      {
        file: 'packages/oidc/src/sessions/session-store.ts',
        find: 'WHERE m.user_id = u.id\n',
        replace: 'WHERE true\n',
      },
      {
        file: 'packages/features/src/access/store.ts',
        find: 'join memberships m on m.user_id = u.id and m.organization_id',
        replace: 'join memberships m on m.organization_id',
      },
    ],
    because: 'memberships are not compared with who asks',
  },
  {
    attack: 'A02 $operation.id with ids of two tenants mixed answers as if the other’s were absent',
    changes: [
      {
        file: 'packages/oidc/src/sessions/session-store.ts',
        find: 'AS membership, m.created_at,',
        replace:
          "AS membership,\n          m.created_at - CASE WHEN m.user_id = u.id THEN interval '1 year' ELSE interval '0' END AS created_at,",
      },
      {
        file: 'packages/oidc/src/sessions/session-store.ts',
        find: 'WHERE m.user_id = u.id\n',
        replace: 'WHERE true\n',
      },
    ],
    because: 'memberships are not compared with who asks',
  },
  {
    attack: 'A02 an API token of another tenant finds nothing here, and is no credential of a cluster',
    changes: [
      {
        file: 'packages/oidc/src/sessions/api-token-store.ts',
        find: 'FROM hexabase.memberships m WHERE m.user_id = u.id AND',
        replace: 'FROM hexabase.memberships m WHERE',
      },
    ],
    because: 'an API token has everybody’s memberships',
  },
  {
    attack:
      'A03 a name that another tenant has makes one’s own: organization, workspace, project and namespace',
    changes: [
      {
        file: 'packages/features/src/run/slug.ts',
        find: 'for (const length of [3, 4, 4, 5, 6, 8, 10, 12])',
        replace: 'for (const length of [])',
      },
    ],
    because: 'a name that somebody has is refused, which tells that it is there',
  },
  {
    attack: 'A04 names that begin with another tenant’s name reach neither its API nor its cluster',
    changes: [
      {
        file: 'packages/oidc/src/sessions/session-store.ts',
        find: 'AS membership, m.created_at,',
        replace:
          "AS membership,\n          m.created_at - CASE WHEN m.user_id = u.id THEN interval '1 year' ELSE interval '0' END AS created_at,",
      },
      {
        file: 'packages/oidc/src/sessions/session-store.ts',
        find: 'WHERE m.user_id = u.id\n',
        replace: 'WHERE true\n',
      },
    ],
    because: 'memberships are not compared with who asks',
  },
  {
    attack: 'A04 the look-alike name %j reaches nothing of the other',
    changes: [
      {
        file: 'packages/features/src/run/slug.ts',
        find: 'for (const length of [3, 4, 4, 5, 6, 8, 10, 12])',
        replace: 'for (const length of [])',
      },
    ],
    because: 'look-alikes become one name, and the second is told so',
  },
  {
    attack:
      'A05 fields that are not the caller’s to set are refused by $operation.id, and nothing is changed',
    changes: [
      {
        file: 'packages/http/src/parse-input.ts',
        find: 'if (parsed.success) return refuseUnstorable(parsed.data);',
        replace: 'return refuseUnstorable(parsed.success ? parsed.data : value);',
      },
    ],
    because: 'fields that do not exist are let through',
  },
  {
    attack: 'A05 a field given twice does not get past the check with its first value',
    changes: [
      {
        file: 'packages/http/src/parse-input.ts',
        find: 'if (parsed.success) return refuseUnstorable(parsed.data);',
        replace: 'return refuseUnstorable(parsed.success ? parsed.data : value);',
      },
    ],
    because: 'a role that does not exist is let through',
  },
  {
    attack: 'A06 filters and sorts of $operation.id take only what is public',
    changes: [
      {
        file: 'packages/http/src/parse-input.ts',
        find: 'const query = operation.query?.strict() ?? nothing;',
        replace: 'const query = operation.query ?? nothing;',
      },
    ],
    because: 'filters that do not exist are overlooked',
  },
  {
    attack: 'A07 where a list goes on is not taken from the caller’s word in $operation.id',
    changes: [
      {
        file: 'packages/http/src/parse-input.ts',
        find: 'const query = operation.query?.strict() ?? nothing;',
        replace: 'const query = operation.query ?? nothing;',
      },
    ],
    because: 'cursors that do not exist are overlooked',
  },
  {
    attack:
      'A07 a continue token of Kubernetes that was forged, edited or is another workspace’s gives nothing of others',
    changes: [
      {
        file: 'packages/kubernetes/src/api/registry/list-tokens.ts',
        find: "throw badRequest('continue key is not valid');",
        replace: "throw new Error('no token');",
      },
    ],
    because: 'a token that is none is a fault of ours',
  },
  {
    attack:
      'A08 an API token for reading gets no credential of a cluster, which would have all rights of its owner',
    changes: [
      {
        file: 'packages/authz/src/token-scope.ts',
        find: "if (token.scope === 'read' || access.kind !== 'action') return false;",
        replace: "if (access.kind !== 'action') return false;",
      },
    ],
    because: 'a token for reading gets a credential of the cluster',
  },
  {
    attack: 'A08 the least role reads all that it may and finds no secret in it',
    changes: [
      {
        file: 'packages/authz/src/rules/presets.ts',
        find: "    'serviceaccounts',\n    'services',\n  ],\n  apps: [\n    'controllerrevisions',",
        replace:
          "    'serviceaccounts',\n    'services',\n    'secrets',\n  ],\n  apps: [\n    'controllerrevisions',",
      },
    ],
    because: 'viewers read secrets',
  },
  {
    attack:
      'A01 an operator of the platform has no cluster of a tenant without being let in, and of no other tenant with it',
    changes: [
      {
        file: 'packages/oidc/src/tokens/verify.ts',
        find: "if (claims.aud !== audience) throw new AppError('unauthenticated');",
        replace: '',
      },
    ],
    because: 'a token of any workspace is taken at every address',
  },
  {
    attack: 'A02 is out of reach from another organization, and above who stands below',
    changes: [
      {
        file: 'packages/oidc/src/sessions/session-store.ts',
        find: 'AS membership, m.created_at,',
        replace:
          "AS membership,\n          m.created_at - CASE WHEN m.user_id = u.id THEN interval '1 year' ELSE interval '0' END AS created_at,",
      },
      {
        file: 'packages/oidc/src/sessions/session-store.ts',
        find: 'WHERE m.user_id = u.id\n',
        replace: 'WHERE true\n',
      },
    ],
    because: 'memberships are not compared with who asks',
  },
  {
    attack:
      'A12 is a colleague from another one; a stranger with an account is refused like an address that nobody has',
    changes: [
      {
        file: 'packages/features/src/members/add.ts',
        find: 'ports.mayAddAnybody ? null : own',
        replace: 'null',
      },
    ],
    because: 'an owner adds whomever there is, and so learns whom there is',
  },
];
