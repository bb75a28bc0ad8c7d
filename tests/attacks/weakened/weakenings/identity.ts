import type { Weakening } from '../weakening.ts';
import { sessionsThatGoOn } from './sessions-that-go-on.ts';
/** Checks on who somebody is: addresses, codes and tokens. */
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
      ...sessionsThatGoOn,
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
    attack: 'B06 a rule that anybody’s jobs at the issuer would meet is not taken: %s',
    changes: [
      {
        file: 'packages/contract/src/people/federation.ts',
        find: 'refine(saysWhoseJobs,',
        replace: 'refine((rule) => rule.conditions.length > 0 || saysWhoseJobs(rule),',
      },
    ],
    because: 'a slip in a rule lets in whoever has a job at the same issuer',
  },
  {
    attack: 'B06 a subject that strangers at the issuer can have word for word pins nobody: %s %s',
    changes: [
      {
        file: 'packages/contract/src/people/whose-jobs.ts',
        find: "return claim === 'sub' && subjectPinsOwner(value, issuer);",
        replace: "return claim === 'sub' && (subjectPinsOwner(value, issuer) || issuer !== '');",
      },
    ],
    because: 'whoever names their environment as ours is let in',
  },
  {
    attack: 'B06 a rule of before rules had to say whose the jobs are lets nobody in',
    changes: [
      {
        file: 'packages/oidc/src/federation/federation.ts',
        find: 'if (problem !== null) return',
        replace: 'if (problem === rule.id) return',
      },
    ],
    because: 'a rule that was made long ago lets in whoever has a job at the same issuer',
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
];
