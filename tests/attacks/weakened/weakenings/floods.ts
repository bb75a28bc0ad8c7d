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
        find: 'await call.countFor?.(target.organizationId);',
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
];
