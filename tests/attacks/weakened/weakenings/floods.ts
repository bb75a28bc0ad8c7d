import type { Weakening } from '../weakening.ts';

/** Checks on how much comes in, and from where. */
export const floodWeakenings: readonly Weakening[] = [
  {
    attack: 'C13 give one session one bucket together, whichever it asks',
    changes: [
      {
        file: 'packages/http/src/limits/shared-buckets.ts',
        find: 'if (!book || bookings.length === 0',
        replace: 'if (!book || bookings.length >= 0',
      },
    ],
    because: 'every replica counts for itself',
  },
  {
    attack: 'C13 give all sessions and tokens of one account two buckets, however many it has',
    changes: [
      {
        file: 'packages/http/src/rate-limit.ts',
        find: "if (account !== undefined) await takeOne('account', account);",
        replace: '',
      },
    ],
    because: 'a token more is a bucket more',
  },
  {
    attack: 'C13 refuse an organization that makes noise and go on serving the quiet one',
    changes: [
      {
        file: 'packages/features/src/run/execute.ts',
        find: 'await countFor(run, target);',
        replace: '',
      },
    ],
    because: 'an organization takes as much as it has members',
  },
  {
    attack: 'C13 gains nothing by writing addresses into X-Forwarded-For',
    changes: [
      {
        file: 'packages/kernel/src/client-address.ts',
        find: 'const before = hops.pop();',
        replace: 'const before = hops.shift();',
      },
    ],
    because: 'a stranger writes where they are',
  },
  {
    attack: 'C13 is believed nothing where no proxy is trusted',
    changes: [
      {
        file: 'packages/http/src/create-http.ts',
        find: 'trusted: TrustedProxies = noProxies',
        replace: 'trusted: TrustedProxies = { check: () => true }',
      },
    ],
    because: 'everybody is taken for a proxy',
  },
  {
    attack: 'B10 from many addresses of one subscriber is slowed down like from one',
    changes: [
      {
        file: 'packages/oidc/src/sessions/login-attempts.ts',
        find: 'address: addressBlock(address) }',
        replace: 'address }',
      },
    ],
    because: 'who has an IPv6 network guesses as often as it has addresses',
  },
  {
    attack: 'B09 from many addresses of one subscriber no more than fifty programs wait to be signed in',
    changes: [
      {
        file: 'packages/oidc/src/interaction/device-grant.ts',
        find: 'const block = addressBlock(asker.address);',
        replace: 'const block = asker.address;',
      },
    ],
    because: 'who has an IPv6 network fills the table',
  },
  {
    attack: 'C11 no mailbox is flooded with invitations from many organizations of one account at once',
    changes: [
      {
        file: 'packages/features/src/invitations/letter.ts',
        find: 'await requireLetter(context, email);',
        replace: '',
      },
    ],
    because: 'every organization has letters of its own',
  },
  {
    attack: 'C17 costs a few rows for each group, however many ways there are: %s',
    changes: [
      {
        file: 'packages/features/src/access/store.ts',
        find: 'union\n      select g.id, g.parent_id, g.name from mine',
        replace: 'union all\n      select g.id, g.parent_id, g.name from mine',
      },
    ],
    because:
      'a thousand groups in a chain are half a million ways, and everybody waits while they are counted',
  },
  {
    attack: 'C17 of one account leave connections to everybody else',
    changes: [
      {
        file: 'packages/features/src/run/turns/fair-requests.ts',
        find: 'most: accountMost }',
        replace: 'most: 100 }',
      },
      {
        file: 'packages/features/src/run/turns/fair-requests.ts',
        find: 'most: organizationMost }',
        replace: 'most: 100 }',
      },
    ],
    because: 'one account has all connections',
  },
  {
    attack: 'C17 that end one session many times leave connections to everybody else',
    changes: [
      {
        file: 'packages/oidc/src/sessions/account-turns.ts',
        find: 'const ownChanges = { most: 2,',
        replace: 'const ownChanges = { most: 200,',
      },
      {
        file: 'packages/oidc/src/sessions/account-turns.ts',
        find: 'most: connections - 2 }',
        replace: 'most: 200 }',
      },
    ],
    because: 'all connections in which sessions are looked up wait for one row of one account',
  },
  {
    attack: 'C17 of one organization leave connections to everybody else, however many people it has',
    changes: [
      {
        file: 'packages/features/src/run/turns/fair-requests.ts',
        find: 'most: organizationMost }',
        replace: 'most: 100 }',
      },
    ],
    because: 'three accounts have all connections',
  },
  {
    attack: 'C17 questions about rights keep nobody in the organization from anything else',
    changes: [
      {
        file: 'packages/features/src/run/turns/fair-requests.ts',
        find: 'const heavyMost = { organization: 2, all: 4 };',
        replace: 'const heavyMost = { organization: 100, all: 100 };',
      },
    ],
    because: 'the organization has its share used up by questions',
  },
  {
    attack: 'C17 a job’s claims of thousands of characters are compared with nothing',
    changes: [
      {
        file: 'packages/oidc/src/federation/conditions.ts',
        find: 'const valueCharactersMax = 1_000;',
        replace: 'const valueCharactersMax = 1e9;',
      },
    ],
    because: 'whoever may sign tokens keeps the process busy with one that nobody has to sign in for',
  },
  {
    attack: 'C17 are told once to whoever asks, however often they were given',
    changes: [
      {
        file: 'packages/features/src/access/explain.ts',
        find: 'new Map(grants.map(({ role }) => [`${role.scope} ${role.name}`, role]))',
        replace: 'new Map(grants.map(({ role }, index) => [`${index}`, role]))',
      },
    ],
    because:
      'an answer has the rules of two hundred roles a thousand times, and everybody waits while it is made',
  },
  {
    attack: 'C17 are compared so often at most that nobody else waits for it',
    changes: [
      {
        file: 'packages/authz/src/rules/covers.ts',
        find: 'const comparisonsMax = 100_000;',
        replace: 'const comparisonsMax = 1e12;',
      },
    ],
    because: 'whoever has many roles and gives one more keeps everybody waiting for twenty seconds',
  },
  {
    attack: 'C17 of more than 16 KiB are not taken',
    changes: [
      {
        file: 'packages/contract/src/access/role.ts',
        find: 'const rulesBytesMax = 16_384;',
        replace: 'const rulesBytesMax = 1e12;',
      },
    ],
    because: 'every question about rights reads two hundred roles that are as long as a request may be',
  },
  {
    attack: 'C17 come to an end in all roles of a workspace together',
    changes: [
      {
        file: 'packages/features/src/roles/rules.ts',
        find: 'const rulesBytesMax = 524_288;',
        replace: 'const rulesBytesMax = 1e12;',
      },
    ],
    because: 'every question about rights reads ten megabytes of rules',
  },
  {
    attack: 'C17 that would be millions of single rights are refused before they are looked at one by one',
    changes: [
      {
        file: 'packages/authz/src/rules/refuse-escalation.ts',
        find: 'const singleRightsMax = 20_000;',
        replace: 'const singleRightsMax = 1e12;',
      },
    ],
    because: 'one role keeps the whole process busy for half a minute, and takes its memory',
  },
  {
    attack: 'C17 groups, roles and given roles come to an end',
    changes: [
      {
        file: 'packages/features/src/assignments/create.ts',
        find: 'const assignmentsMax = 2_000;',
        replace: 'const assignmentsMax = 1e9;',
      },
    ],
    because: 'every question about rights looks through whatever the tenant has piled up',
  },
  {
    attack: 'C17 are given to one account up to a number, and then to others',
    changes: [
      {
        file: 'packages/http/src/streams/stream-places.ts',
        find: 'isFull(mine, limits.account)',
        replace: 'isFull(mine, limits.all)',
      },
    ],
    because: 'one account takes all places',
  },
  {
    attack:
      'B11 who guesses from a hundred places takes no turn from the owner at a new one, who comes when she is told to',
    changes: [
      {
        file: 'packages/oidc/src/sessions/login-attempts.ts',
        find: 'AND NOT EXISTS (SELECT FROM hexabase.login_attempts WHERE key = ${key})',
        replace: "AND ${key} <> ''",
      },
      {
        file: 'packages/oidc/src/sessions/login-attempts.ts',
        find: 'ON CONFLICT (key) DO NOTHING',
        replace: 'ON CONFLICT (key) DO UPDATE SET blocked_until = excluded.blocked_until',
      },
    ],
    because: 'who asks again goes behind all guessers again',
  },
  {
    attack: 'C17 leave connections to whoever is signed in',
    changes: [
      {
        file: 'packages/oidc/src/sessions/password-turns.ts',
        find: "key: 'look of strangers', most: 3",
        replace: "key: 'look of strangers', most: 300",
      },
    ],
    because: 'strangers have all connections in which sessions are looked up',
  },
  {
    attack: 'C17 passwords that strangers try from everywhere keep nobody waiting whom we know',
    changes: [
      {
        file: 'packages/oidc/src/sessions/password-turns.ts',
        find: "key: 'hash of strangers', most: 2",
        replace: "key: 'hash of strangers', most: 300",
      },
    ],
    because: 'whoever is known stands behind all strangers',
  },
  {
    attack: 'C17 passwords that are tried from one address keep nobody waiting at another',
    changes: [
      {
        file: 'packages/oidc/src/sessions/password-turns.ts',
        find: 'most: 2, waiting: 100 }',
        replace: 'most: 200, waiting: 200 }',
      },
    ],
    because: 'one address has the whole queue',
  },
  {
    attack: 'C17 that strangers ask for do not use up those with which the owner gets in',
    changes: [
      {
        file: 'packages/oidc/src/letters/code-store.ts',
        find: 'AND kind = ${kind} AND created_at',
        replace: 'AND ${kind} = ${kind} AND created_at',
      },
      {
        file: 'packages/oidc/src/letters/letters.ts',
        find: 'sign_up: { hour: 3, day: 6 }',
        replace: 'sign_up: { hour: 5, day: 10 }',
      },
    ],
    because: 'letters that say nothing use up those that let the owner in',
  },
  {
    attack: 'C17 watches of one account, workspace or organization leave places to all others',
    changes: [
      {
        file: 'packages/gateway/src/limits/shares.ts',
        find: 'most: most.account }',
        replace: 'most: most.all }',
      },
    ],
    because: 'one account takes what its colleagues have, and then what everybody has',
  },
  {
    attack:
      'C17 requests to sleeping workspaces of one account, workspace or organization leave room to all others',
    changes: [
      {
        file: 'packages/gateway/src/limits/shares.ts',
        find: 'most: most.organization }',
        replace: 'most: most.all }',
      },
    ],
    because: 'who has many workspaces that sleep has all the room',
  },
];
