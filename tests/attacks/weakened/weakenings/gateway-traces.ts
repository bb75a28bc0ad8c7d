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
        find: ', ...framing(request)]',
        replace: ']',
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
];
