import type { Change, Weakening } from '../weakening.ts';

/** Paths go by how they were written: to the cluster, to what notices changes and into the record. */
const asSpelled: readonly Change[] = [
  {
    file: 'packages/gateway/src/address.ts',
    find: "if (!path.includes('%')) return path;",
    replace: 'if (path.length > 0) return path;',
  },
  {
    file: 'packages/gateway/src/address.ts',
    find: 'url: canonical(path) + query',
    replace: 'url: path + query',
  },
];

/** Checks on what is noticed and told of requests to clusters. */
export const gatewayTracesWeakenings: readonly Weakening[] = [
  {
    attack: 'A19 is the body of their own %s, and never the begin of somebody else’s next request',
    changes: [
      {
        file: 'packages/gateway/src/upstream-target.ts',
        find: '...framing(request),',
        replace: '',
      },
      {
        file: 'packages/gateway/src/upstream-target.ts',
        find: "if (lower !== 'content-length' && request",
        replace: 'if (request',
      },
    ],
    because: 'where a request ends is what its sender says',
  },
  {
    attack: 'A16 other spellings of %s do not keep it deleted: %s',
    changes: asSpelled,
    because: 'what is compared is the spelling',
    hangs: true,
  },
  {
    attack: 'A16 other spellings of a role of ours do not keep it widened',
    changes: asSpelled,
    because: 'what is compared is the spelling',
    hangs: true,
  },
  {
    attack: 'A16 other spellings of namespaces make none without a project and its quota',
    changes: asSpelled,
    because: 'what is compared is the spelling',
    hangs: true,
  },
  {
    attack: 'C15 what is read under another spelling is told under the name that one looks for',
    changes: asSpelled,
    because: 'the audit log holds the spelling',
  },
  {
    attack: 'C15 whoever hangs up does not hide what they did',
    changes: [
      {
        file: 'packages/gateway/src/answer/outcome.ts',
        find: 'if (goesOn) timer',
        replace: 'if (goesOn && verb.readOnly) timer',
      },
    ],
    because: 'the record ends with the connection',
  },
  {
    attack: 'C15 what was refused is not told as done because an upgrade was asked for',
    changes: [
      {
        file: 'packages/gateway/src/gateway.ts',
        find: 'status = answered;',
        replace: 'status = 101;',
      },
    ],
    because: 'every upgrade is told as done',
  },
  {
    attack: 'C15 a watch that is refused is not told as begun',
    changes: [
      {
        file: 'packages/gateway/src/answer/outcome.ts',
        find: 'if (verb.longRunning && status < 400) tell',
        replace: 'if (verb.longRunning) tell',
      },
    ],
    because: 'what is refused is told as begun',
  },
  {
    attack: 'C15 no character in a path stops what is recorded of others',
    changes: [
      {
        file: 'packages/oidc/src/access-audit.ts',
        find: 'slice(0, isLead ? textMax - 1 : textMax)',
        replace: 'slice(0, textMax)',
      },
      {
        file: 'packages/oidc/src/access-audit.ts',
        find: 'await db.asWorker((tx) => insertApart(tx, records, log));',
        replace: 'throw error;',
      },
    ],
    because: 'one row that cannot be written keeps all others back',
    hangs: true,
  },
  {
    attack: 'C15 an upgrade behind another request is not told with that one’s answer',
    changes: [
      {
        file: 'packages/gateway/src/answer/turns.ts',
        find: ' && isAnswered(request.socket)',
        replace: '',
      },
    ],
    because: 'the first status on the connection is taken for its own',
    hangs: true,
  },
  {
    attack: 'A09 a change behind a watch on one connection never begins once the right is taken',
    changes: [
      {
        file: 'packages/gateway/src/answer/turns.ts',
        find: 'if (response.socket !== null) return start();',
        replace: 'if (response) return start();',
      },
    ],
    because: 'it is made while the watch is open',
  },
  {
    attack: 'C13 who floods the record is refused before others are, and told how often',
    changes: [
      {
        file: 'packages/gateway/src/record/room.ts',
        find: 'taken.entries < most.entries / shares &&',
        replace: '',
      },
    ],
    because: 'one tenant takes all the room there is',
  },
  {
    attack: 'C13 of one session are asked about once, however many they are and however often it is revoked',
    changes: [
      {
        file: 'packages/gateway/src/live-connections.ts',
        find: '(one) => `${one.userId} ${one.sessionId} ${one.workspaceId}`',
        replace: '(one) => one',
      },
    ],
    because: 'a tenant’s open watches are as many questions to the database',
  },
  {
    attack: 'C15 a client does not choose the id under which it is recorded',
    changes: [
      {
        file: 'packages/gateway/src/gateway.ts',
        find: "request.headers['audit-id'] = requestId;",
        replace: '',
      },
    ],
    because: 'the cluster and its client have another id than the audit log',
  },
];
