import type { Weakening } from '../weakening.ts';
/** Checks on who somebody is: tokens, sessions, codes, clients, browsers. */
export const identityWeakenings: readonly Weakening[] = [
  {
    attack: 'B01 a redirect address that is not the registered one is answered with an error and no redirect',
    changes: [
      {
        file: 'packages/oidc/src/clients/client.ts',
        find: 'if (registered === presented) return true;',
        replace: 'if (presented.startsWith(registered)) return true;',
      },
    ],
    because: 'an address that begins like the registered one gets the code',
  },
  {
    attack: 'B01 a native client’s loopback address may differ by the port and by nothing else',
    changes: [
      {
        file: 'packages/oidc/src/clients/client.ts',
        find: 'return left !== null && left === right;',
        replace: 'return left !== null && right !== null;',
      },
    ],
    because: 'any path of the machine gets the code',
  },
  {
    attack: 'B01 an address that could be taken over cannot be registered',
    changes: [
      {
        file: 'packages/oidc/src/clients/client.ts',
        find: "throw refused(field, 'must be https, or http on this machine');",
        replace: '',
      },
    ],
    because: 'codes travel over http',
  },
  {
    attack:
      'B02 the code flow without its proof is refused: no challenge, a plain one, no verifier, a wrong one',
    changes: [
      {
        file: 'packages/oidc/src/provider/provider-configuration.ts',
        find: 'pkce: { required: () => true },',
        replace: 'pkce: { required: () => false },',
      },
    ],
    because: 'a stolen code is enough',
  },
  {
    attack:
      'B03 a code is worth nothing to another client, at another address, a second time, or with a wrong secret',
    changes: [
      {
        file: 'packages/oidc/src/clients/client.ts',
        find: 'return expected.length === actual.length && timingSafeEqual(expected, actual);',
        replace: 'return expected.length === actual.length && timingSafeEqual(expected, expected);',
      },
    ],
    because: 'every secret is right',
  },
  {
    attack:
      'B04 a refresh token that is used fifty times at once ends the session with access, cluster and streams',
    changes: [
      {
        file: 'packages/oidc/src/sessions/session-store.ts',
        find: 'WHERE t.id = ${rotation.presentedHash} AND t.used_at IS NULL AND',
        replace: 'WHERE t.id = ${rotation.presentedHash} AND',
      },
    ],
    because: 'a spent refresh token gives tokens again',
    hangs: true,
  },
  {
    attack: 'B04 a client’s spent refresh token ends the whole family',
    changes: [
      {
        file: 'packages/oidc/src/provider/provider-configuration.ts',
        find: 'rotateRefreshToken: true,',
        replace: 'rotateRefreshToken: false,',
      },
    ],
    because: 'a refresh token stays good however often it is used',
  },
  {
    attack: 'B04 a session that named its device is refreshed by that device only',
    changes: [
      {
        file: 'packages/oidc/src/sessions/session-store.ts',
        find: 'AND (s.device_id IS NULL OR s.device_id = ${rotation.deviceId})',
        replace: 'AND (s.device_id IS NULL OR ${rotation.deviceId}::text IS NULL OR true)',
      },
    ],
    because: 'a copied refresh token works anywhere',
  },
  {
    attack: 'B05 a client that is removed or whose secret was replaced is refused at once, without a restart',
    changes: [
      {
        file: 'packages/oidc/src/provider/client-adapter.ts',
        find: 'const client = await db.asIdentity((tx) => findClient(tx, id));',
        replace:
          "const seen: Map<string, Client | null> = Reflect.get(globalThis, 'seenClients') ?? new Map();\n      Reflect.set(globalThis, 'seenClients', seen);\n      const client = seen.get(id) ?? (await db.asIdentity((tx) => findClient(tx, id)));\n      seen.set(id, client);",
      },
    ],
    because: 'clients are remembered from their first request on',
  },
  {
    attack: 'B05 a disabled account is out at every client, with tokens for offline use too',
    changes: [
      {
        file: 'packages/oidc/src/provider/provider-configuration.ts',
        find: 'WHERE id = ${userId} AND disabled_at IS NULL`',
        replace: 'WHERE id = ${userId}`',
      },
      {
        file: 'packages/oidc/src/provider/payload-adapter.ts',
        find: 'WHERE s.provider_session = oidc.payloads.session AND s.ended_at IS NOT NULL)',
        replace: 'WHERE false)',
      },
    ],
    because: 'whoever was disabled is still somebody to clients',
  },
  {
    attack: 'B05 a disabled account refreshes nothing and signs in nowhere',
    changes: [
      {
        file: 'packages/oidc/src/sessions/session-store.ts',
        find: 'AND s.expires_at > ${now} AND u.disabled_at IS NULL\n        AND (s.device_id',
        replace: 'AND s.expires_at > ${now}\n        AND (s.device_id',
      },
      {
        file: 'packages/oidc/src/sessions/session-store.ts',
        find: 'AND s.expires_at > ${new Date(nowMs)} AND u.disabled_at IS NULL`.execute(tx);\n  return rows[0] ?? null;',
        replace: 'AND s.expires_at > ${new Date(nowMs)}`.execute(tx);\n  return rows[0] ?? null;',
      },
    ],
    because: 'a disabled account refreshes its session',
  },
  {
    attack: 'B06 forged tokens are refused, the genuine one is not',
    changes: [
      {
        file: 'packages/oidc/src/tokens/verify.ts',
        find: "if ('jwk' in header || 'jku' in header ||",
        replace: "if ('jwk' in header && header.jwk) return header.jwk;\n  if ('jku' in header ||",
      },
    ],
    because: 'a token brings the key that proves it',
  },
  {
    attack:
      'B07 a token at another door is refused: another workspace’s, the API’s at a cluster, a cluster’s at the API',
    changes: [
      {
        file: 'packages/oidc/src/tokens/verify.ts',
        find: "if (claims.aud !== audience) throw new AppError('unauthenticated');",
        replace: '',
      },
    ],
    because: 'a token of one workspace opens another',
  },
  {
    attack: 'B07 a client learns nothing of the tokens of other clients, and revokes only its own',
    changes: [
      {
        file: 'packages/oidc/src/provider/provider-pages.ts',
        find: 'return token.clientId === client.clientId;',
        replace: "return token.clientId !== '';",
      },
    ],
    because: 'every client asks about every token',
  },
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
        find: '    await reserveAttempt(tx, place, deps.clock.now());\n    return findCredentials',
        replace: '    return findCredentials',
      },
    ],
    because: 'passwords are guessed as fast as they can be sent',
  },
  {
    attack: 'B10 trying one password with many accounts from one place is slowed too',
    changes: [
      {
        file: 'packages/oidc/src/sessions/login-attempts.ts',
        find: "{ key: keyOf('address', place.address), free: 100 },",
        replace: "{ key: keyOf('address', place.address), free: 100_000 },",
      },
    ],
    because: 'one place tries as many accounts as it likes',
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
        find: 'OFFSET ${liveSessionsMax - 1}',
        replace: 'OFFSET ${liveSessionsMax + 100}',
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
    changes: [
      {
        file: 'packages/oidc/src/provider/payload-adapter.ts',
        find: 'WHERE s.provider_session = oidc.payloads.session AND s.ended_at IS NOT NULL)',
        replace: 'WHERE false)',
      },
    ],
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
        file: 'packages/gateway/src/gateway.ts',
        find: 'requireKnownHost(parts.hosts, passage.request.headers.host);',
        replace: '',
      },
    ],
    because: 'a page of another name opens shells',
  },
  {
    attack: 'B03 a job’s token is used once, also by many at once',
    changes: [
      {
        file: 'packages/oidc/src/federation/federation.ts',
        find: "const isFresh = typeof jti !== 'string' ||",
        replace: "const isFresh = jti !== undefined || typeof jti !== 'string' ||",
      },
    ],
    because: 'a job’s token is exchanged as often as it is sent',
  },
  {
    attack: 'B06 a job’s token %s is refused',
    changes: [
      {
        file: 'packages/oidc/src/federation/conditions.ts',
        find: 'return conditions.find((condition) => !meets(claims, condition)) ?? null;',
        replace: 'return conditions.length > 100 ? claims.toString() : null;',
      },
    ],
    because: 'any job of the issuer is let in',
  },
  {
    attack: 'B06 a job’s token of another issuer that signs the same words is refused',
    changes: [
      {
        file: 'packages/oidc/src/federation/subject-token.ts',
        find: 'const { payload } = await jwtVerify(token, find, {',
        replace:
          'const { payload } = await (async (..._: unknown[]) => ({ payload: decodeJwt(token) }))(token, find, {',
      },
      {
        file: 'packages/oidc/src/federation/subject-token.ts',
        find: "if (!find) throw new Error('the issuer has no such key, or does not answer');",
        replace: '',
      },
    ],
    because: 'signatures of jobs’ tokens are not verified',
  },
  {
    attack:
      'B06 a job’s token with alg none, HS256 with the public key, another alg, or a key that it brings along is refused',
    changes: [
      {
        file: 'packages/oidc/src/federation/subject-token.ts',
        find: 'const { payload } = await jwtVerify(token, find, {',
        replace:
          'const { payload } = await (async (..._: unknown[]) => ({ payload: decodeJwt(token) }))(token, find, {',
      },
    ],
    because: 'signatures of jobs’ tokens are not verified',
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
];
