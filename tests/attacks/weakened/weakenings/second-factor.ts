import type { Weakening } from '../weakening.ts';

/** Checks on what somebody with one factor has begun, holds or is told. */
export const secondFactorWeakenings: readonly Weakening[] = [
  {
    attack: 'B13 a second factor that was begun before the owner’s first one is not finished after it',
    changes: [
      {
        file: 'packages/oidc/src/second-factor/register-passkey.ts',
        find: 'await requireProvenSession(tx, owner);',
        replace: '',
      },
    ],
    because: 'who was in an account for a moment adds a second factor of their own later',
  },
  {
    attack:
      'A09 an operator of the platform without a second factor is out of cluster and watches once the organization asks for one',
    changes: [
      {
        file: 'packages/oidc/src/kube-access.ts',
        find: 'UNION ALL SELECT g.organization_id FROM hexabase.access_grants g WHERE g.user_id = u.id',
        replace: '',
      },
    ],
    because: 'who was let in by a grant is never asked for the second factor',
    hangs: true,
  },
  {
    attack:
      'A08 a client learns no groups of an organization that asks for a second factor from a session without one',
    changes: [
      {
        file: 'packages/features/src/groups/store.ts',
        find: '(${secondFactor} or not o.require_second_factor)',
        replace: '(${secondFactor} or true)',
      },
    ],
    because: 'single sign-on opens what the product itself keeps shut',
  },
];
