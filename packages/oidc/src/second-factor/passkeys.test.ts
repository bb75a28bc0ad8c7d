import { createHash, createSign, generateKeyPairSync, randomBytes } from 'node:crypto';
import { fixedClock } from '@hexabase/kernel/clock.ts';
import { testDatabase, type TestDatabase } from '@hexabase/testkit/test-database.ts';
import { sql } from 'kysely';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { openIdentity, type Identity } from '../identity.ts';
import { createUser } from '../users.ts';

const clock = fixedClock(Date.UTC(2030, 0, 1));
const password = 'correct horse battery';
const origin = 'https://hexabase.test';
const device = { userAgent: 'vitest', address: '192.0.2.1', deviceId: null };

let test: TestDatabase;
let identity: Identity;
let counter = 0;

beforeAll(async () => {
  test = await testDatabase();
  const { database: db, masterKey } = test;
  identity = await openIdentity({ db, masterKey, issuer: `${origin}/oidc`, clock });
});
afterAll(async () => {
  await identity?.[Symbol.asyncDispose]();
  await test?.close();
});

/** What an authenticator says, where a test wants it to lie. */
interface Lies {
  origin?: string;
  rpId?: string;
  challenge?: string;
  type?: string;
  verified?: boolean;
  count?: number;
}

const base64url = (bytes: Uint8Array | string) => Buffer.from(bytes).toString('base64url');
const sha256 = (bytes: Uint8Array | string) => createHash('sha256').update(bytes).digest();

/** A security key in software (WebAuthn §6): ES256, attestation `none`, a counter. */
function securityKey() {
  const { publicKey, privateKey } = generateKeyPairSync('ec', { namedCurve: 'P-256' });
  const { x = '', y = '' } = publicKey.export({ format: 'jwk' });
  const id = randomBytes(32);
  let uses = 0;
  // COSE_Key: {1: 2, 3: -7, -1: 1, -2: x, -3: y}.
  const cose = Buffer.concat([
    Buffer.from('a5010203262001215820', 'hex'),
    Buffer.from(x, 'base64url'),
    Buffer.from('225820', 'hex'),
    Buffer.from(y, 'base64url'),
  ]);
  const data = (lies: Lies, flags: number, more: Buffer) => {
    uses += 1;
    const count = Buffer.alloc(4);
    count.writeUInt32BE(lies.count ?? uses);
    const verified = lies.verified === false ? 0 : 4;
    const rpIdHash = sha256(lies.rpId ?? 'hexabase.test');
    return Buffer.concat([rpIdHash, Buffer.from([flags | verified]), count, more]);
  };
  const client = (lies: Lies, challenge: string, type: string) =>
    JSON.stringify({
      type: lies.type ?? type,
      challenge: lies.challenge ?? challenge,
      origin: lies.origin ?? origin,
    });
  const envelope = { id: base64url(id), rawId: base64url(id), type: 'public-key' };
  return {
    create(options: string, lies: Lies = {}): string {
      const { challenge } = JSON.parse(options);
      const attested = Buffer.concat([Buffer.alloc(16), Buffer.from([0, id.length]), id, cose]);
      const authData = data(lies, 0x41, attested);
      // {"fmt": "none", "attStmt": {}, "authData": …}
      const head = Buffer.from('a363666d74646e6f6e656761747453746d74a0686175746844617461', 'hex');
      const length = Buffer.from([0x59, authData.length >> 8, authData.length & 255]);
      const response = {
        clientDataJSON: base64url(client(lies, challenge, 'webauthn.create')),
        attestationObject: base64url(Buffer.concat([head, length, authData])),
      };
      return JSON.stringify({ ...envelope, response });
    },
    get(options: string, lies: Lies = {}): string {
      const { challenge } = JSON.parse(options);
      const authenticatorData = data(lies, 0x01, Buffer.alloc(0));
      const clientData = client(lies, challenge, 'webauthn.get');
      const signed = Buffer.concat([authenticatorData, sha256(clientData)]);
      const response = {
        clientDataJSON: base64url(clientData),
        authenticatorData: base64url(authenticatorData),
        signature: base64url(createSign('sha256').update(signed).sign(privateKey)),
      };
      return JSON.stringify({ ...envelope, response });
    },
  };
}

async function session() {
  counter += 1;
  const email = `person-${counter}@example.test`;
  const user = { email, displayName: 'Person', password };
  await test.database.asIdentity((tx) => createUser(tx, user, clock.now()));
  const { accessToken } = await identity.signIn({ email, password, device });
  const { userId, sessionId } = await identity.authenticate(accessToken);
  return { email, owner: { userId, sessionId } };
}

/** A page that asks for a new passkey, in the browser `browser`. */
async function registration(owner: Awaited<ReturnType<typeof session>>['owner'], browser = 'browser') {
  const { ticket } = await identity.secondFactors.addPasskey(owner, 'laptop');
  const page = { ticket, browser, origin };
  return { page, options: (await identity.secondFactors.openRegistration(page)).options };
}

async function withPasskey() {
  const { email, owner } = await session();
  const key = securityKey();
  const { page, options } = await registration(owner);
  const added = await identity.secondFactors.finishRegistration({ ...page, passkey: key.create(options) });
  expect(added?.recoveryCodes).toHaveLength(10);
  const where = { browser: 'browser', page: '/auth/authorize?x', origin };
  const ask = async (at = where) => {
    const step = await identity.secondFactors.beginPage({ userId: owner.userId, page: at });
    return { ticket: step?.ticket ?? '', options: step?.passkey ?? '{}', page: at };
  };
  type Asked = Awaited<ReturnType<typeof ask>>;
  const answer = ({ ticket, page: at }: Asked, passkey: string) =>
    identity.secondFactors.finishPage({ ticket, page: at, code: '', passkey });
  return { email, owner, key, ask, answer, proven: { kind: 'proven', userId: owner.userId } };
}

describe('a passkey', () => {
  it('signs in on the page that asked for it, and is listed with its last use', async () => {
    const { email, owner, key, ask, answer, proven } = await withPasskey();
    await expect(identity.signIn({ email, password, device })).rejects.toMatchObject({
      code: 'second_factor_required',
      details: { app: false },
    });
    const asked = await ask();
    clock.advance(1_000);
    expect(await answer(asked, key.get(asked.options))).toEqual(proven);
    const [listed] = await identity.secondFactors.list(owner.userId);
    expect(listed).toMatchObject({ kind: 'passkey', name: 'laptop', lastUsedAt: new Date(clock.now()) });
  });

  it('is one of several', async () => {
    const { owner, key, ask, answer, proven } = await withPasskey();
    const second = securityKey();
    const { page, options } = await registration(owner);
    expect(JSON.parse(options).excludeCredentials).toHaveLength(1);
    const given = { ...page, passkey: second.create(options) };
    expect(await identity.secondFactors.finishRegistration(given)).toEqual({ recoveryCodes: [] });
    for (const one of [key, second]) {
      const asked = await ask();
      expect(await answer(asked, one.get(asked.options))).toEqual(proven);
    }
  });

  it.each<[string, Lies]>([
    ['another origin', { origin: 'https://hexabase.test.evil.example' }],
    ['plain http', { origin: 'http://hexabase.test' }],
    ['another relying party', { rpId: 'evil.example' }],
    ['a challenge of its own', { challenge: base64url('mine') }],
    ['an unverified user', { verified: false }],
    ['a registration in place of a sign-in', { type: 'webauthn.create' }],
    ['a counter that stands still', { count: 1 }],
    ['a counter that went back to nothing', { count: 0 }],
  ])('is refused with %s', async (_what, lies) => {
    const { key, ask, answer, proven } = await withPasskey();
    const first = await ask();
    expect(await answer(first, key.get(first.options))).toEqual(proven);
    const asked = await ask();
    expect(await answer(asked, key.get(asked.options, lies))).toEqual({ kind: 'wrong' });
  });

  it('answers a challenge once, for one ticket and one page', async () => {
    const { key, ask, answer, proven } = await withPasskey();
    const asked = await ask();
    const signed = key.get(asked.options);
    const other = await ask();
    expect(await answer(other, signed)).toEqual({ kind: 'wrong' });
    const elsewhere = { ...asked, page: { ...asked.page, page: '/device?user_code=X' } };
    expect(await answer(elsewhere, signed)).toEqual({ kind: 'gone' });
    expect(await answer(asked, signed)).toEqual(proven);
    expect(await answer(asked, signed)).toEqual({ kind: 'gone' });
  });

  it('that did not fit used up its challenge: the next answer needs a new one', async () => {
    const { key, ask, answer, proven } = await withPasskey();
    const asked = await ask();
    expect(await answer(asked, '{"id":"x"}')).toEqual({ kind: 'wrong' });
    expect(await answer(asked, key.get(asked.options))).toEqual({ kind: 'wrong' });
    const again = await identity.secondFactors.repeatPage(asked);
    expect(await answer(asked, key.get(again?.passkey ?? '{}'))).toEqual(proven);
  });

  it('of somebody else is refused, whatever it signs', async () => {
    const [ann, eve] = [await withPasskey(), await withPasskey()];
    const asked = await ann.ask();
    expect(await ann.answer(asked, eve.key.get(asked.options))).toEqual({ kind: 'wrong' });
    const again = await ann.ask();
    const forged = { ...JSON.parse(eve.key.get(again.options)), id: JSON.parse(ann.key.get('{}')).id };
    expect(await ann.answer(again, JSON.stringify(forged))).toEqual({ kind: 'wrong' });
  });
});

describe('adding a passkey', () => {
  it.each<[string, Lies]>([
    ['another origin', { origin: 'https://evil.example' }],
    ['another relying party', { rpId: 'evil.example' }],
    ['a challenge of its own', { challenge: base64url('mine') }],
    ['an unverified user', { verified: false }],
  ])('is refused with %s', async (_what, lies) => {
    const { owner } = await session();
    const { page, options } = await registration(owner);
    const passkey = securityKey().create(options, lies);
    expect(await identity.secondFactors.finishRegistration({ ...page, passkey })).toBeNull();
    expect(await identity.secondFactors.list(owner.userId)).toEqual([]);
  });

  it('works once, for ten minutes, in the browser that opened the page, while the session lives', async () => {
    const { owner } = await session();
    const gone = { code: 'not_found' };
    const { secondFactors } = identity;
    const { page, options } = await registration(owner);
    const passkey = securityKey().create(options);
    await expect(secondFactors.openRegistration({ ...page, browser: 'other' })).rejects.toMatchObject(gone);
    const stolen = secondFactors.finishRegistration({ ...page, browser: 'other', passkey });
    await expect(stolen).rejects.toMatchObject(gone);
    await secondFactors.finishRegistration({ ...page, passkey });
    await expect(secondFactors.finishRegistration({ ...page, passkey })).rejects.toMatchObject(gone);
    const late = await registration(owner);
    clock.advance(600_000);
    const given = { ...late.page, passkey: securityKey().create(late.options) };
    await expect(secondFactors.finishRegistration(given)).rejects.toMatchObject(gone);
    const ended = await session();
    const { page: open } = await registration(ended.owner);
    await test.database.asIdentity((tx) =>
      sql`UPDATE hexabase.sessions SET ended_at = now() WHERE id = ${ended.owner.sessionId}`.execute(tx),
    );
    await expect(secondFactors.openRegistration(open)).rejects.toMatchObject(gone);
  });

  it('takes no passkey that another account has', async () => {
    const { key } = await withPasskey();
    const { owner } = await session();
    const { page, options } = await registration(owner);
    const given = { ...page, passkey: key.create(options) };
    await expect(identity.secondFactors.finishRegistration(given)).rejects.toMatchObject({
      code: 'not_found',
    });
    expect(await identity.secondFactors.list(owner.userId)).toEqual([]);
  });

  it('says that a bare address keeps none', async () => {
    const { owner } = await session();
    const { page } = await registration(owner);
    const bare = { ...page, origin: 'http://127.0.0.1:8080' };
    await expect(identity.secondFactors.openRegistration(bare)).rejects.toMatchObject({ code: 'conflict' });
  });
});
