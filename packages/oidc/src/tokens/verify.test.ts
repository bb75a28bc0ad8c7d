import { createHmac, generateKeyPairSync, type KeyObject } from 'node:crypto';
import { fixedClock } from '@hexabase/kernel/clock.ts';
import { newId } from '@hexabase/kernel/id.ts';
import { testDatabase, type TestDatabase } from '@hexabase/testkit/test-database.ts';
import { SignJWT, UnsecuredJWT, type JWTPayload } from 'jose';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { openIdentity, type Identity } from '../identity.ts';
import { createUser } from '../users.ts';

const issuer = 'https://hexabase.test/oidc';
const clock = fixedClock(Date.UTC(2031, 0, 1));
let test: TestDatabase;
let identity: Identity;
let good: string;
let claims: JWTPayload;

beforeAll(async () => {
  test = await testDatabase();
  identity = await openIdentity({ db: test.database, masterKey: test.masterKey, issuer, clock });
  const person = { email: 'ada@example.test', displayName: 'Ada', password: 'correct horse battery' };
  await test.database.asIdentity((tx) => createUser(tx, person, clock.now()));
  const device = { userAgent: null, address: '192.0.2.1', deviceId: null };
  good = (await identity.signIn({ ...person, device })).accessToken;
  claims = JSON.parse(Buffer.from(good.split('.')[1] ?? '', 'base64url').toString());
});

afterAll(async () => {
  await identity?.[Symbol.asyncDispose]();
  await test?.close();
});

interface Forgery {
  change?: JWTPayload;
  leaveOut?: string;
  header?: Record<string, unknown>;
  key?: KeyObject;
}

/** Signs with our own key unless told otherwise, so that only the one thing under test is wrong. */
function forge({ change, leaveOut, header, key }: Forgery): Promise<string> {
  const { kid, privateKey } = identity.keys.signer();
  const payload = { ...claims, ...change };
  if (leaveOut !== undefined) delete payload[leaveOut];
  return new SignJWT(payload)
    .setProtectedHeader({ alg: 'RS256', kid, typ: 'at+jwt', ...header })
    .sign(key ?? privateKey);
}

const stranger = generateKeyPairSync('rsa', { modulusLength: 2048 });

describe('an access token', () => {
  it('with our signature and all claims is accepted', async () => {
    await expect(identity.authenticate(good)).resolves.toMatchObject({ email: 'ada@example.test' });
    await expect(identity.authenticate(await forge({}))).resolves.toMatchObject({
      email: 'ada@example.test',
    });
  });

  it('without a signature (alg none) is refused', async () => {
    const unsigned = new UnsecuredJWT(claims).encode();
    await expectRefused(unsigned, `${unsigned}x`, `${good.split('.').slice(0, 2).join('.')}.`);
  });

  it('signed with HS256 and our public key as secret is refused', async () => {
    const key = identity.keys.signer();
    const secrets = [key.publicKey.export({ format: 'pem', type: 'spki' }), JSON.stringify(key.publicJwk)];
    for (const secret of secrets) {
      const header = Buffer.from(JSON.stringify({ alg: 'HS256', kid: key.kid, typ: 'at+jwt' })).toString(
        'base64url',
      );
      const body = `${header}.${Buffer.from(JSON.stringify(claims)).toString('base64url')}`;
      await expectRefused(`${body}.${createHmac('sha256', secret).update(body).digest('base64url')}`);
    }
  });

  it('signed by another key is refused, whatever it says about that key', async () => {
    const jwk = { ...stranger.publicKey.export({ format: 'jwk' }) };
    await expectRefused(
      await forge({ key: stranger.privateKey }),
      await forge({ key: stranger.privateKey, header: { kid: 'unknown' } }),
      await forge({ key: stranger.privateKey, header: { kid: undefined } }),
      await forge({ key: stranger.privateKey, header: { jwk } }),
      await forge({ key: stranger.privateKey, header: { jku: 'https://evil.example/jwks' } }),
      await forge({ header: { jwk } }),
    );
  });

  it('with another algorithm of the same key is refused', async () => {
    await expectRefused(await forge({ header: { alg: 'PS256' } }), await forge({ header: { alg: 'RS512' } }));
  });

  it('for another audience, issuer or purpose, or without one, is refused', async () => {
    await expectRefused(
      await forge({ leaveOut: 'aud' }),
      await forge({ change: { aud: 'ws:1' } }),
      await forge({ change: { aud: ['hexabase-api', 'ws:1'] } }),
      await forge({ change: { iss: `${issuer}/` } }),
      await forge({ leaveOut: 'iss' }),
      await forge({ change: { typ: 'kube' } }),
      await forge({ leaveOut: 'typ' }),
      await forge({ header: { typ: 'JWT' } }),
      await forge({ header: { typ: undefined } }),
      await forge({ leaveOut: 'sid' }),
      await forge({ leaveOut: 'exp' }),
    );
  });

  it('before its time is refused', async () => {
    const later = Math.floor(clock.now() / 1000) + 60;
    await expectRefused(await forge({ change: { nbf: later, iat: later } }));
  });

  it('after its time is refused as expired, also when it was accepted before', async () => {
    const soon = Math.floor(clock.now() / 1000) + 30;
    const token = await forge({ change: { exp: soon } });
    await identity.authenticate(token);
    clock.advance(36_000);
    await expect(identity.authenticate(token)).rejects.toMatchObject({ code: 'token_expired' });
    await expect(identity.authenticate(await forge({ change: { exp: soon } }))).rejects.toMatchObject({
      code: 'token_expired',
    });
  });

  it('of a session that is another user’s or does not exist is refused', async () => {
    for (const change of [{ sid: newId() }, { uid: newId() }]) {
      await expect(identity.authenticate(await forge({ change }))).rejects.toMatchObject({
        code: 'session_ended',
      });
    }
  });

  it('that is empty, cut, padded, huge or a magic word is refused', async () => {
    await expectRefused(
      '',
      ' ',
      '.',
      '..',
      good.slice(0, -3),
      `${good}=`,
      `${good} `,
      ` ${good}`,
      `${good}.${good}`,
      good.repeat(40),
      'dev_token_user',
      'internal_x',
      'ai_agent_x',
      'null',
      'undefined',
    );
  });
});

describe('rotation of keys', () => {
  it('keeps tokens of the old key valid and signs with the key that was published before', async () => {
    const before = identity.keys.jwks().keys.map((key) => key.kid);
    expect(before).toHaveLength(2);
    await identity.rotateSigningKeys();
    expect(before[1]).toBe(identity.keys.signer().kid);
    await expect(identity.authenticate(good)).resolves.toMatchObject({ email: 'ada@example.test' });
    expect(identity.keys.jwks().keys.map((key) => key.kid)).toEqual(expect.arrayContaining(before));
  });

  it('reaches other replicas, and only one of two that rotate at once does it', async () => {
    await using replica = await openIdentity({ db: test.database, masterKey: test.masterKey, issuer, clock });
    clock.advance(60_000);
    const results = await Promise.all(
      [identity, replica].map((one) => one.rotateSigningKeys({ olderThanMs: 30_000 })),
    );
    expect(results.filter((result) => result.rotated)).toHaveLength(1);
    clock.advance(11_000);
    const fresh = await forge({ change: { exp: Math.floor(clock.now() / 1000) + 900 } });
    await expect(replica.authenticate(fresh)).resolves.toMatchObject({ email: 'ada@example.test' });
  });

  it('publishes no private part, and stores none in clear or under another row', async () => {
    const published = JSON.stringify(identity.keys.jwks());
    expect(published).not.toMatch(/"(?:d|p|q|dp|dq|qi)":/);
    await expect(
      openIdentity({ db: test.database, masterKey: Buffer.alloc(32, 7), issuer, clock }),
    ).rejects.toThrow(/unable to authenticate data/);
  });

  it('forgets retired keys once nothing they signed can still be valid', async () => {
    clock.advance(3 * 3_600_000);
    await identity.rotateSigningKeys();
    clock.advance(3 * 3_600_000);
    await identity.rotateSigningKeys();
    expect(identity.keys.jwks().keys).toHaveLength(3);
  });
});

async function expectRefused(...tokens: string[]): Promise<void> {
  for (const token of tokens) {
    await expect(identity.authenticate(token), token.slice(0, 60)).rejects.toMatchObject({
      code: 'unauthenticated',
    });
  }
}
