import { fixedClock } from '@hexabase/kernel/clock.ts';
import { appCode } from '@hexabase/testkit/authenticator-app.ts';
import { securityKey as keyFor, type Lies } from '@hexabase/testkit/security-key.ts';
import { testDatabase, type TestDatabase } from '@hexabase/testkit/test-database.ts';
import { sql } from 'kysely';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { openIdentity, type Identity } from '../identity.ts';
import { readProof, type Proven } from '../sessions/proof.ts';
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

const securityKey = () => keyFor(origin);

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
    const step = await identity.secondFactors.beginPage({ person: await proofOf(owner.userId), page: at });
    return { ticket: step?.ticket ?? '', options: step?.passkey ?? '{}', page: at };
  };
  type Asked = Awaited<ReturnType<typeof ask>>;
  const answer = ({ ticket, page: at }: Asked, passkey: string) =>
    identity.secondFactors.finishPage({ ticket, page: at, code: '', passkey });
  return {
    email,
    owner,
    key,
    ask,
    answer,
    proven: { kind: 'proven', userId: owner.userId, proof: expect.any(Number) },
  };
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
    ['a challenge of its own', { challenge: 'bWluZQ' }],
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
    ['a challenge of its own', { challenge: 'bWluZQ' }],
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

  it('that was begun before there was a second factor is not finished past one, nor is an app', async () => {
    const { email, owner } = await session();
    const { accessToken } = await identity.signIn({ email, password, device });
    const { userId, sessionId } = await identity.authenticate(accessToken);
    const thief = { userId, sessionId };
    const { secondFactors } = identity;
    const waiting = await registration(thief);
    const given = { ...waiting.page, passkey: securityKey().create(waiting.options) };
    const mine = await registration(owner);
    const app = await secondFactors.addTotp(thief, 'mine');
    await secondFactors.finishRegistration({ ...mine.page, passkey: securityKey().create(mine.options) });
    const required = { code: 'second_factor_required' };
    await expect(secondFactors.finishRegistration(given)).rejects.toMatchObject(required);
    const code = appCode(app.secret, clock.now());
    await expect(secondFactors.confirmTotp(thief, { id: app.id, code })).rejects.toMatchObject(required);
    expect((await secondFactors.list(userId)).map(({ name }) => name)).toEqual(['laptop', 'Recovery codes']);
    const { rows } = await test.database.asIdentity((tx) =>
      sql`select second_factor_at from sessions where id = ${thief.sessionId}`.execute(tx),
    );
    expect(rows).toEqual([{ second_factor_at: null }]);
  });

  it('of two at once by two sessions the second is refused', async () => {
    const { email, owner } = await session();
    const { accessToken } = await identity.signIn({ email, password, device });
    const { userId, sessionId } = await identity.authenticate(accessToken);
    const pages = await Promise.all([owner, { userId, sessionId }].map((one) => registration(one)));
    const outcomes = await Promise.allSettled(
      pages.map(({ page, options }) =>
        identity.secondFactors.finishRegistration({ ...page, passkey: securityKey().create(options) }),
      ),
    );
    expect(outcomes.map(({ status }) => status).sort()).toEqual(['fulfilled', 'rejected']);
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

async function proofOf(userId: Proven['userId']): Promise<Proven> {
  const proof = await test.database.asIdentity((tx) => readProof(tx, userId));
  return { userId, secondFactor: false, proof };
}
