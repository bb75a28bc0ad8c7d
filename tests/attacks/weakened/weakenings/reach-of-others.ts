import type { Change, Weakening } from '../weakening.ts';

const worthNothingAsked: Change = {
  file: 'packages/features/src/invitations/answer.ts',
  find: 'if (inviter !== null && mayInvite(inviter, { role, intoGroups: groupIds.length > 0 })) return;',
  replace:
    "if (inviter !== 'nobody' || mayInvite(inviter, { role, intoGroups: groupIds.length > 0 })) return;",
};

/** Checks on what somebody keeps by the hand of another, and on what reaches strangers. */
export const reachOfOthersWeakenings: readonly Weakening[] = [
  {
    attack:
      'A14 an admin who is lowered or removed comes back to nothing by an invitation that they wrote before',
    changes: [
      worthNothingAsked,
      {
        file: 'packages/features/src/members/store.ts',
        find: 'where organization_id = ${organizationId} and invited_by = ${userId} and role <> all',
        replace:
          'where false and organization_id = ${organizationId} and invited_by = ${userId} and role <> all',
      },
    ],
    because: 'a second account of theirs is an administrator of the workspace, and reads its Secrets',
  },
  {
    attack: 'A18 an invitation is worth what its author may give when it is accepted, whatever lowered them',
    changes: [worthNothingAsked],
    because: 'an invitation lets in by a right that nobody has any more',
  },
  {
    attack: 'A12 whether an address runs the platform cannot be told by granting it access',
    changes: [
      {
        file: 'packages/features/src/grants/create.ts',
        find: '  const organizationId = context.target.organizationId;',
        replace:
          "  if (operator.id === null) throw new AppError('not_found');\n  const organizationId = context.target.organizationId;",
      },
    ],
    because: 'whoever has an account finds out who the operators are, one address after the other',
  },
  {
    attack:
      'A08 a grant for somebody who does not run the platform lets them in neither now nor once they do',
    changes: [
      {
        file: 'packages/oidc/src/sessions/session-store.ts',
        find: 'WHERE g.user_id = u.id AND u.platform_role IS NOT NULL AND',
        replace: 'WHERE g.operator = u.email AND',
      },
    ],
    because: 'an owner lets people in past the list of members',
  },
  {
    attack:
      'A09 an operator who was let in makes no API token for the workspace, and none of theirs reaches it',
    changes: [
      {
        file: 'packages/features/src/tokens/issue.ts',
        find: 'actor.memberships.filter(({ grant }) => !grant)',
        replace: 'actor.memberships',
      },
    ],
    because: 'a token that names the workspace is left behind by who was let in for an hour',
  },
  {
    attack:
      'A09 an organization that adds, lowers, removes or lets in a stranger cuts nothing of what they have open elsewhere',
    changes: [
      {
        file: 'packages/postgres/src/revoke-users.ts',
        find: 'hexabase.revoke_in(${organizationId}, ',
        replace: 'hexabase.revoke_users(',
      },
    ],
    because: 'anybody cuts the connections of whomever they like, as often as they like',
  },
  {
    attack: 'A08 an operator of the platform reads no letter that would let them in as its reader',
    changes: [
      {
        file: 'apps/server/src/sign-in/ways-to-sign-in.ts',
        find: "readable: !sends && config.listen === 'localhost' && isTrial(config)",
        replace: 'readable: true',
      },
    ],
    because: 'who runs the platform asks for a letter to a tenant and signs in as them',
  },
];
