import { systemClock } from '@hexabase/kernel/clock.ts';
import { testDatabase, type TestDatabase } from '@hexabase/testkit/test-database.ts';
import { sql } from 'kysely';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { openIdentity, type Identity } from '../identity.ts';
import { hashInTurn } from '../sessions/password-turns.ts';
import { createUser, findUserByName, setPassword } from '../users.ts';
import { requireGoodPassword } from './require-good.ts';

let test: TestDatabase;
let identity: Identity;
const device = { userAgent: null, address: '127.0.0.1', deviceId: null };
const good = 'violet tram over sand';

beforeAll(async () => {
  test = await testDatabase();
  const issuer = 'https://localhost/oidc';
  identity = await openIdentity({ db: test.database, masterKey: test.masterKey, issuer, clock: systemClock });
});
afterAll(async () => {
  await identity?.[Symbol.asyncDispose]();
  await test?.close();
});

describe('a password', () => {
  it.each([
    ['short', 'x7$kQ2mw9!p'],
    ['common', 'password1234'],
    ['common with a year', 'P@ssw0rd2026!'],
    ['breached', 'iloveyou123456'],
    ['a walk on the keyboard', 'qwertyuiop12'],
    ['a sequence', 'abcdefghijkl'],
    ['one character', 'aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa'],
    ['the address', 'ann.smith@example.test'],
    ['the organization with a number', 'Riverbank Tools 2026'],
  ])('is refused when it is %s', async (_why, password) => {
    const words = ['ann.smith@example.test', 'Ann Smith', 'Riverbank Tools', 'riverbank-tools'];
    await expect(requireGoodPassword(password, words)).rejects.toMatchObject({ code: 'validation_failed' });
  });

  it.each([good, 'correct horse battery staple', 'x7$kQ2mw9!pLzu', 'ひみつのことばはとてもながいです'])(
    'is taken when it is like “%s”',
    async (password) => expect(requireGoodPassword(password, ['ann@example.test'])).resolves.toBeUndefined(),
  );

  it('is judged beside everything else: the process goes on meanwhile', async () => {
    await requireGoodPassword(good, []);
    let turns = 0;
    let isJudged = false;
    const turn = () => {
      turns += 1;
      if (!isJudged) setImmediate(turn);
    };
    setImmediate(turn);
    await requireGoodPassword('4@8({[<369|1!+70$5%2 4@8({[<369|', []);
    isJudged = true;
    expect(turns).toBeGreaterThan(20);
  });

  it('waits its turn, of which there are not many', async () => {
    const outcomes = await Promise.allSettled(
      Array.from({ length: 60 }, () => requireGoodPassword(good, ['ann@example.test'])),
    );
    const refused = outcomes.filter(({ status }) => status === 'rejected');
    expect(refused).toHaveLength(10);
    expect(refused[0]).toMatchObject({ reason: { code: 'rate_limited' } });
    await requireGoodPassword(good, []);
  });

  it('is never the name of an organization that its owner is in or invited to', async () => {
    const email = 'bea@example.test';
    await test.database.asIdentity(async (tx) => {
      const bea = await createUser(tx, { email, displayName: 'Bea', password: null }, Date.now());
      await sql`insert into hexabase.organizations (id, slug, name, plan) values ('o', 'quartzmill', 'Quartzmill', 'starter')`.execute(
        tx,
      );
      await setPassword(tx, { userId: bea.id, password: 'quartzmill 7 quartzmill' }, Date.now());
      await sql`insert into hexabase.memberships (organization_id, user_id, role) values ('o', ${bea.id}, 'owner')`.execute(
        tx,
      );
      await expect(
        setPassword(tx, { userId: bea.id, password: 'quartzmill 7 quartzmill' }, Date.now()),
      ).rejects.toMatchObject({ code: 'validation_failed' });
      await setPassword(tx, { userId: bea.id, password: 'quartzmill', anyPassword: true }, Date.now());
    });
  });
});

describe('changing it', () => {
  it('asks for the current one, judges the new one, and ends every session', async () => {
    const email = 'ann@example.test';
    await test.database.asIdentity((tx) =>
      createUser(tx, { email, displayName: 'Ann', password: good }, Date.now()),
    );
    const tokens = await identity.signIn({ email, password: good, device });
    const actor = await identity.authenticate(tokens.accessToken);
    const change = (current: string, password: string) =>
      identity.changePassword(actor, { current, password, device });
    await expect(change('not the password', `${good} two`)).rejects.toMatchObject({
      code: 'invalid_credentials',
    });
    await expect(change(good, 'password1234')).rejects.toMatchObject({ code: 'validation_failed' });
    await identity.authenticate(tokens.accessToken);
    await change(good, 'amber gulls near the mill');
    await expect(identity.authenticate(tokens.accessToken)).rejects.toMatchObject({ code: 'session_ended' });
    await identity.signIn({ email, password: 'amber gulls near the mill', device });
    const machine = {
      ...actor,
      token: { name: 't', scope: 'write' as const, expiresAt: '2100-01-01T00:00:00Z' },
    };
    await expect(
      identity.changePassword(machine, { current: good, password: good, device }),
    ).rejects.toMatchObject({ code: 'forbidden' });
  });

  it('with one weak password after the other is slowed down, though the current one is right', async () => {
    const email = 'cleo@example.test';
    await test.database.asIdentity((tx) =>
      createUser(tx, { email, displayName: 'Cleo', password: good }, Date.now()),
    );
    const actor = await identity.authenticate(
      (await identity.signIn({ email, password: good, device })).accessToken,
    );
    const codes: unknown[] = [];
    for (let index = 0; index < 16; index += 1) {
      const change = identity.changePassword(actor, { current: good, password: 'password1234', device });
      codes.push(await change.catch((error: { code?: string }) => error.code));
    }
    expect(codes.slice(0, 11)).toEqual(Array(11).fill('validation_failed'));
    expect(codes).toContain('rate_limited');
  });

  it('is not counted while others keep the server too busy to look at it', async () => {
    const email = 'dora@example.test';
    await test.database.asIdentity((tx) =>
      createUser(tx, { email, displayName: 'Dora', password: good }, Date.now()),
    );
    const { accessToken } = await identity.signIn({ email, password: good, device });
    const actor = await identity.authenticate(accessToken);
    const change = () =>
      identity.changePassword(actor, { current: good, password: 'amber gulls near the mill', device });
    const { promise: busy, resolve: release } = Promise.withResolvers<void>();
    const others = Promise.allSettled(Array.from({ length: 410 }, () => hashInTurn(null, () => busy)));
    for (let index = 0; index < 14; index += 1) {
      await expect(change()).rejects.toMatchObject({ code: 'rate_limited' });
    }
    release();
    await others;
    await change();
  });

  it('is of the own account alone, and operators find it, where another one of the same mailbox has the address', async () => {
    const [kept, has] = ['eve@b\u00fccher.example', 'eve@xn--bcher-kva.example'];
    const [own, other] = await test.database.asIdentity(async (tx) => {
      const first = await createUser(tx, { email: 'eve@one.test', displayName: 'Eve', password: good }, 1);
      return [first, await createUser(tx, { email: has, displayName: 'Eve', password: good }, 2)];
    });
    const { accessToken } = await identity.signIn({ email: own.email, password: good, device });
    await test.database.asIdentity((tx) =>
      sql`update hexabase.users set email = ${kept} where id = ${own.id}`.execute(tx),
    );
    const actor = await identity.authenticate(accessToken);
    expect(actor).toMatchObject({ userId: own.id, email: kept });
    await expect(
      identity.changePassword(actor, { current: good, password: 'amber gulls near the mill', device }),
    ).rejects.toMatchObject({ code: 'invalid_credentials' });
    await identity.signIn({ email: has, password: good, device });
    const named = (name: string) =>
      test.database.asIdentity(async (tx) => (await findUserByName(tx, name))?.id);
    expect(await Promise.all([kept, has, own.id, 'EVE@B\u00dcCHER.example', 'nobody'].map(named))).toEqual([
      own.id,
      other.id,
      own.id,
      other.id,
      undefined,
    ]);
  });
});
