import type { Weakening } from '../weakening.ts';
import { sessionsThatGoOn } from './sessions-that-go-on.ts';
/** Checks on signing in: keys, devices, passwords, browsers, sessions. */
export const signInWeakenings: readonly Weakening[] = [
  {
    attack: 'B08 changing keys refuses no good token, and keys that nobody knows open nothing',
    changes: [
      {
        file: 'packages/oidc/src/keys/key-ring.ts',
        find: 'const known = keys.find((key) => key.kid === kid);',
        replace: "const known = keys.find((key) => key.kid === kid && key.state === 'active');",
      },
      {
        file: 'packages/oidc/src/keys/key-ring.ts',
        find: 'return keys.find((key) => key.kid === kid)?.publicKey ?? null;',
        replace: 'return null;',
      },
    ],
    because: 'tokens of the key before are refused',
  },
  {
    attack:
      'B09 a device that asks too fast is slowed, and nothing is given to another client or after a refusal',
    changes: [
      {
        file: 'packages/oidc/src/provider/device-poll.ts',
        find: 'return rows[0]?.early === true;',
        replace: 'return rows[0]?.early === undefined;',
      },
    ],
    because: 'a device asks as often as it likes',
  },
  {
    attack: 'B09 the device flow gives tokens once, and takes no user code twice',
    changes: [
      {
        file: 'packages/oidc/src/provider/payload-adapter.ts',
        find: 'consumed: Math.floor(row.consumed_at.getTime() / 1000)',
        replace: 'consumedBefore: Math.floor(row.consumed_at.getTime() / 1000)',
      },
      {
        file: 'packages/oidc/src/provider/payload-adapter.ts',
        find: "if (numAffectedRows !== 1n) throw new errors.InvalidGrant('it was already used');",
        replace: '',
      },
    ],
    because: 'a code gives tokens as often as it is sent',
  },
  {
    attack: 'B09 wrong user codes cost more and more time, and no code of an unopened form is shown',
    changes: [
      {
        file: 'packages/oidc/src/provider/provider-guards.ts',
        find: 'await db.asIdentity((tx) => reserveAttempt(tx, place, clock.now()));',
        replace: '',
      },
    ],
    because: 'user codes are guessed as fast as they can be sent',
  },
  {
    attack:
      'B10 guessing one account’s password is slowed, one after the other and all at once, and the right one waits too',
    changes: [
      {
        file: 'packages/oidc/src/sessions/sign-in.ts',
        find: '    await reserveAttempt(tx, place, nowMs);\n',
        replace: '',
      },
    ],
    because: 'passwords are guessed as fast as they can be sent',
  },
  {
    attack: 'B10 trying one password with many accounts from one place is slowed too',
    changes: [
      {
        file: 'packages/oidc/src/sessions/login-attempts.ts',
        find: "{ key: keyOf('address', place.address), free: 100, delayMsMax },",
        replace: "{ key: keyOf('address', place.address), free: 100_000, delayMsMax },",
      },
    ],
    because: 'one place tries as many accounts as it likes',
  },
  {
    attack:
      'B10 guessing one account’s password from many places is slowed for all of them, but not where its owner was',
    changes: [
      {
        file: 'packages/oidc/src/sessions/sign-in.ts',
        find: 'if (!home) await reserveStrangersAttempt(',
        replace: 'if (home) await reserveStrangersAttempt(',
      },
    ],
    because: 'who has many addresses guesses as fast as all of them together',
  },
  {
    attack: 'B11 who guesses from elsewhere does not lock the owner out',
    changes: [
      {
        file: 'packages/oidc/src/sessions/login-attempts.ts',
        find: "keyOf('pair', `${place.email}\\n${place.address}`)",
        replace: "keyOf('pair', place.email)",
      },
    ],
    because: 'wrong guesses of anybody keep the owner out',
  },
  {
    attack:
      'B11 who guesses from everywhere slows down nobody on a device on which they signed in before, wherever it is',
    changes: [
      {
        file: 'packages/oidc/src/sessions/sign-in.ts',
        find: 'if (found && device && (await reserve',
        replace: 'if (found && device && nowMs < 0 && (await reserve',
      },
    ],
    because: 'guessers keep the owner out on her own device',
  },
  {
    attack:
      'B10 what was stolen of a known device is good for ten guesses of its own account, and for none of another',
    changes: [
      {
        file: 'packages/oidc/src/sessions/known-devices.ts',
        find: 'WHERE d.failures < ${triesMax} RETURNING id',
        replace: 'RETURNING id',
      },
    ],
    because: 'a stolen cookie guesses as fast as it can be sent',
  },
  {
    attack:
      'B12 a form that another site sends with this browser’s cookie is refused, whatever it calls itself',
    changes: [
      {
        file: 'packages/http/src/auth/form-guard.ts',
        find: 'if (foreign || nonce === null ||',
        replace: 'if (nonce === null ||',
      },
    ],
    because: 'forms of other sites are taken',
  },
  {
    attack: 'B12 JSON that calls itself a form or text is not taken, and cookies sign nobody in at the API',
    changes: [
      {
        file: 'packages/http/src/create-http.ts',
        find: "app.addContentTypeParser('application/json', { parseAs: 'buffer' },",
        replace: "app.addContentTypeParser(['application/json', 'text/plain'], { parseAs: 'buffer' },",
      },
    ],
    because: 'a form of another site is read as JSON',
  },
  {
    attack: 'B12 signing out sends browsers to registered addresses only, and takes no form of another site',
    changes: [
      {
        file: 'packages/oidc/src/provider/client-adapter.ts',
        find: 'return isRegistered(this.postLogoutRedirectUris, presented, this);',
        replace: "return presented !== '';",
      },
    ],
    because: 'signing out sends a browser anywhere',
  },
  {
    attack: 'B13 a form that the attacker has opened is not taken in the victim’s browser',
    changes: [
      {
        file: 'packages/http/src/auth/form-guard.ts',
        find: 'nonce === null || !same(tokenOf(nonce), token)',
        replace: 'nonce === null',
      },
    ],
    because: 'a form is taken whoever opened it',
  },
  {
    attack: 'B13 a session’s id is never the caller’s to choose',
    changes: [
      {
        file: 'packages/http/src/auth/auth-input.ts',
        find: 'z.strictObject({\n    email:',
        replace: 'z.object({\n    email:',
      },
    ],
    because: 'what a session should be called is listened to',
  },
  {
    attack: 'B14 the fourth session ends the first: its access, its refreshing, and nobody else’s',
    changes: [
      {
        file: 'packages/oidc/src/sessions/session-store.ts',
        find: 'OFFSET ${sessionsMax - 1}',
        replace: 'OFFSET ${sessionsMax + 100}',
      },
    ],
    because: 'sessions are without number',
  },
  {
    attack: 'B14 a session is over when it was signed out, left idle or has had its time',
    changes: [
      {
        file: 'packages/oidc/src/sessions/session-store.ts',
        find: 'WHERE t.id = ${rotation.presentedHash} AND t.used_at IS NULL AND t.expires_at > ${now}',
        replace: 'WHERE t.id = ${rotation.presentedHash} AND t.used_at IS NULL',
      },
    ],
    because: 'a session that was left for a week goes on',
  },
  {
    attack: 'B14 somebody’s list of sessions holds their own, and ends nobody else’s',
    changes: [
      {
        file: 'packages/oidc/src/sessions/session-store.ts',
        find: 'WHERE id = ${session.sessionId} AND user_id = ${session.userId} AND ended_at IS NULL',
        replace: 'WHERE id = ${session.sessionId} AND ended_at IS NULL',
      },
    ],
    because: 'anybody ends anybody’s session',
  },
  {
    attack:
      'B14 a browser that is revoked from the list of sessions is out at once, and its clients hear of it',
    changes: sessionsThatGoOn,
    because: 'what was issued in a session outlives it',
  },
  {
    attack: 'B17 empty, cut, padded and doubled tokens are refused',
    changes: [
      {
        file: 'packages/oidc/src/tokens/verify.ts',
        find: '!compactJws.test(token)',
        replace: "!compactJws.test((token = token.replace(/=$/, '')))",
      },
    ],
    because: 'what follows a token is overlooked',
  },
  {
    attack: 'B18 an upgrade needs the same token as a request, in the same place',
    changes: [
      {
        file: 'packages/gateway/src/request-headers.ts',
        find: "} else if (name === 'sec-websocket-protocol' && value.includes('bearer.authorization')) {",
        replace: "} else if (name === 'sec-websocket-protocol' && value === 'bearer.authorization') {",
      },
    ],
    because: 'a token is hidden where the cluster may find another one',
  },
  {
    attack: 'B18 an upgrade of another site’s page, or as somebody else, is refused',
    changes: [
      {
        file: 'packages/gateway/src/enter.ts',
        find: 'requireKnownHost(at.hosts, requireOneHost(passage.request.rawHeaders));',
        replace: '',
      },
    ],
    because: 'a page of another name opens shells',
  },
  {
    attack: 'B17 that was cut, padded, guessed or of another kind is refused like no token at all',
    changes: [
      {
        file: 'packages/oidc/src/sessions/authenticate.ts',
        find: "if (hash === null) throw new AppError('unauthenticated');",
        replace:
          "if (hash === null)\n    return { sessionId: brandId('x'), userId: brandId('x'), email: 'x', displayName: 'x', platformRole: null, epoch: 0, memberships: [], withheld: [] };",
      },
    ],
    because: 'the prefix of a token is taken for a token',
  },
  {
    attack: 'B12 pages of others change nothing, with whatever they send',
    changes: [
      {
        file: 'packages/http/src/security.ts',
        find: "throw new AppError('forbidden', { message: 'Pages of other sites cannot do this.' });",
        replace: '',
      },
    ],
    because: 'pages of other sites change things',
  },
  {
    attack: 'B12 no address lets pages of others read what it answers',
    changes: [
      {
        file: 'packages/http/src/security.ts',
        find: 'reply.headers(headers);',
        replace: "reply.headers(headers).header('access-control-allow-origin', '*');",
      },
    ],
    because: 'pages of other sites read answers',
  },
];
