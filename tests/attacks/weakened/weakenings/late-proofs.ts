import type { Change, Weakening } from '../weakening.ts';

const proofsNeverAge: readonly Change[] = [
  {
    file: 'packages/oidc/src/sessions/proof.ts',
    find: 'AND proof_epoch = ${proof} AND disabled_at IS NULL',
    replace: 'AND ${proof} = ${proof} AND disabled_at IS NULL',
  },
];

/** The comparison of what was proven with the account as it is when a session is made. */
export const lateProofWeakenings: readonly Weakening[] = [
  {
    attack: 'A09 whoever shows the old password while it is changed gets no session by it',
    changes: proofsNeverAge,
    because: 'the old password opens a session that outlives its change',
  },
  {
    attack:
      'A09 a sign-in at the provider with the old password, while it is changed, gives its client no code',
    changes: proofsNeverAge,
    because: 'a client is told that the thief is the owner',
  },
];
