import type { Change, Weakening } from '../weakening.ts';

/** The gateway never asks whether a session or an API token lives. */
const signatureIsEnough: Change = {
  file: 'packages/gateway/src/admit.ts',
  find: 'if (session?.epoch !== claims.ep) throw unauthorized();',
  replace: 'if (!session) return { epoch: claims.ep, withheld: [] };',
};

/** What is open is not looked at again when rights change. */
const streamsLiveOn: Change = {
  file: 'packages/gateway/src/live-connections.ts',
  find: 'const [first] = group;',
  replace: "const [first] = group;\n      if (first?.userId !== 'nobody') continue;",
};

/** What was true when the request came decides. */
const decidedBefore: Change = {
  file: 'packages/features/src/run/execute.ts',
  find: 'if (!changes(call)) return decideOn(',
  replace: 'if (changes(call) || call) return decideOn(',
};

/** Checks on rights that end. */
export const rightsThatEndWeakenings: readonly Weakening[] = [
  {
    attack: 'A09 changes nothing any more by an API token or a session whose request was let in before',
    changes: [
      {
        file: 'packages/postgres/src/migrations/0099-held-accounts.ts',
        find: 'select ended or u.disabled_at is not null into ended',
        replace: 'select ended into ended',
      },
    ],
    because: 'a token is not revoked with its account, and its request goes on',
  },
  {
    attack: 'A09 is disabled after what its API tokens are just changing, and not in the midst of it',
    changes: [
      {
        file: 'packages/oidc/src/users.ts',
        find: 'WHERE user_id = ${userId} ORDER BY id FOR UPDATE`',
        replace: 'WHERE user_id = ${userId} ORDER BY id`',
      },
    ],
    because: 'an operator is told that it is over, and a change is made after that',
  },
  {
    attack: 'A09 a member who was removed has no access, no new token, no cluster and no open stream',
    changes: [
      {
        file: 'packages/features/src/members/membership.ts',
        find: 'await revokeUsers(tx, organizationId, [found.userId]);',
        replace: '',
      },
    ],
    because: 'nobody is told that the membership ended: open streams live on',
    hangs: true,
  },
  {
    attack:
      'A09 a role that was lowered takes the old token’s rights at once; the new token has the new role’s',
    changes: [
      {
        file: 'packages/features/src/members/membership.ts',
        find: 'await revokeUsers(tx, organizationId, [userId]);',
        replace: '',
      },
    ],
    because: 'tokens with the groups of the old role stay good',
    hangs: true,
  },
  {
    attack:
      'A09 an API token that is revoked loses the watch and the cluster; its owner’s other tokens go on',
    changes: [signatureIsEnough],
    because: 'the gateway trusts a signature and never asks whether the session lives',
    hangs: true,
  },
  {
    attack: 'A09 a service account’s token ends with it, or with the account',
    changes: [streamsLiveOn],
    because: 'open streams are not ended',
    hangs: true,
  },
  {
    attack: 'A09 a cluster’s credential and its watches end with the API token that they came by',
    changes: [
      {
        file: 'packages/oidc/src/tokens/kube-token.ts',
        find: '[grant, actor.token].flatMap(',
        replace: '[grant].flatMap(',
      },
    ],
    because: 'a watch goes on for a quarter of an hour after the token that opened it',
  },
  {
    attack: 'A09 an export of the audit log is cut off with the session, the API token or the grant',
    changes: [
      {
        file: 'packages/features/src/run/may-go-on.ts',
        find: 'const actor = await call.askAgain?.();',
        replace: 'const { actor } = call;',
      },
    ],
    because: 'who has begun to read the log reads it to its end',
  },
  {
    attack: 'A09 an API token ends when its day has come',
    changes: [
      {
        file: 'packages/oidc/src/kube-access.ts',
        find: 'AND t.expires_at > ${new Date(clock.now())} AND u.disabled_at IS NULL',
        replace: 'AND u.disabled_at IS NULL',
      },
    ],
    because: 'what an API token has given lives on after its day',
    hangs: true,
  },
  {
    attack:
      'A10 the e-mail address of somebody who left gives a new account none of the old one’s tokens, roles or sessions',
    changes: [
      {
        file: 'packages/oidc/src/sessions/session-store.ts',
        find: 'AND s.expires_at > ${new Date(nowMs)} AND u.disabled_at IS NULL`.execute(tx);\n  return rows[0] ?? null;',
        replace: 'AND s.expires_at > ${new Date(nowMs)}`.execute(tx);\n  return rows[0] ?? null;',
      },
    ],
    because: 'a disabled account’s session goes on',
  },
  {
    attack: 'A11 what belonged to an organization that was ended opens nothing any more',
    changes: [
      {
        file: 'packages/features/src/organizations/store.ts',
        find: "await tx.deleteFrom('organizations').where('id', '=', id).execute();",
        replace: '',
      },
    ],
    because: 'an organization that was ended is only said to be gone',
  },
  {
    attack: 'A13 what was deleted is absent at once and for good: workspace, cluster, token and project',
    changes: [
      {
        file: 'packages/oidc/src/tokens/verify.ts',
        find: "if (claims.aud !== audience) throw new AppError('unauthenticated');",
        replace: '',
      },
    ],
    because: 'the next workspace of that name looks the old one’s token up',
  },
  {
    attack: 'A09 a job of a repository loses what it got, and its cluster, when the rule goes',
    changes: [signatureIsEnough],
    because: 'the gateway trusts a signature and never asks whether the session lives',
    hangs: true,
  },
  {
    attack: 'A09 an operator of the platform loses cluster, API and every open stream with the grant',
    changes: [streamsLiveOn],
    because: 'open streams are not ended',
    hangs: true,
  },
  {
    attack:
      'A09 an operator of the platform is out of the API, and of an export that runs, when their time is over',
    changes: [
      {
        file: 'packages/oidc/src/sessions/session-store.ts',
        find: 'g.revoked_at IS NULL AND g.expires_at > ${new Date(nowMs)}',
        replace: 'g.revoked_at IS NULL AND ${new Date(nowMs)}::timestamptz IS NOT NULL',
      },
    ],
    because: 'who was let in for an hour stays',
  },
  {
    attack:
      'A09 an operator of the platform is out of the cluster, and of every watch, when their time is over',
    changes: [
      {
        file: 'packages/oidc/src/tokens/kube-token.ts',
        find: 'return Math.max(1, Math.min(accessTokenSeconds, ...left));',
        replace: 'return Math.max(1, Math.min(accessTokenSeconds, left.length + accessTokenSeconds));',
      },
    ],
    because: 'a cluster’s credential outlives the time for which somebody was let in',
    hangs: true,
  },
  {
    attack: 'A09 who is removed puts themselves back by no request that waited for it',
    changes: [decidedBefore],
    because: 'a request that waits is decided by what was before it waited',
  },
  {
    attack: 'A14 who is lowered raises themselves by no request that waited for it',
    changes: [decidedBefore],
    because: 'a request that waits is decided by what was before it waited',
  },
  {
    attack: 'A14 who is lowered keeps no workspace through a group of their own below its administrators',
    changes: [
      {
        file: 'packages/features/src/members/store.ts',
        find: 'union select g.id from groups g join administering a on g.parent_id = a.id',
        replace: '',
      },
    ],
    because: 'only the group of the administrators itself is looked at',
  },
  {
    attack: 'A11 an organization that is being deleted takes in nobody who was invited before',
    changes: [
      {
        file: 'packages/postgres/src/migrations/0088-authority.ts',
        find: 'if accepts and leaving then return; end if;',
        replace: '',
      },
    ],
    because: 'an invitation is good as long as its organization is there',
  },
];
