import { newId } from '@hexabase/kernel/id.ts';
import { testIdentity } from '@hexabase/testkit/identity/test-identity.ts';
import { sql } from 'kysely';
import { afterAll, describe, expect, it } from 'vitest';
import { openIdentity } from '../identity.ts';
import { createUser, disableUser, setPassword, type User } from '../users.ts';

const password = 'correct horse battery';
const { test, identity, issuer, clock, close } = await testIdentity();
afterAll(close);
let counter = 0;

async function person(): Promise<User> {
  counter += 1;
  const user = { email: `person-${counter}@example.test`, displayName: `Person ${counter}`, password };
  return test.database.asIdentity((tx) => createUser(tx, user, clock.now()));
}

function device(address = '192.0.2.1') {
  return { userAgent: 'vitest', address, deviceId: null };
}

function signIn(user: User, address?: string) {
  clock.advance(1);
  return identity.signIn({ email: user.email, password, device: device(address) });
}

function wrong(email: string, address: string) {
  return identity.signIn({ email, password: 'not the password', device: device(address) });
}

describe('signing in', () => {
  it('answers tokens that authenticate the person, whatever the case of the address', async () => {
    const user = await person();
    const tokens = await identity.signIn({
      email: ` ${user.email.toUpperCase()}`,
      password,
      device: device(),
    });
    const actor = await identity.authenticate(tokens.accessToken);
    expect(actor).toMatchObject({ userId: user.id, email: user.email, platformRole: null, memberships: [] });
    expect(tokens).toMatchObject({ tokenType: 'Bearer', expiresIn: 900 });
  });

  it('refuses a wrong password, an unknown address and a disabled account in the same words', async () => {
    const user = await person();
    const disabled = await person();
    await test.database.asIdentity((tx) => disableUser(tx, disabled.id, clock.now()));
    const refusals = await Promise.all([
      wrong(user.email, '192.0.2.2').catch((error: unknown) => error),
      wrong('nobody@example.test', '192.0.2.2').catch((error: unknown) => error),
      identity
        .signIn({ email: disabled.email, password, device: device('192.0.2.2') })
        .catch((error: unknown) => error),
    ]);
    for (const refusal of refusals) {
      expect(refusal).toMatchObject({
        code: 'invalid_credentials',
        message: 'The e-mail address or the password is wrong.',
      });
    }
  });

  it('takes roles from the database as they are now, not from the token', async () => {
    const user = await person();
    const tokens = await signIn(user);
    const organizationId = newId<'Organization'>();
    await test.database.asIdentity(async (tx) => {
      await sql`INSERT INTO hexabase.organizations (id, slug, name, plan) VALUES (${organizationId}, 'later', 'Later', 'starter')`.execute(
        tx,
      );
      await sql`INSERT INTO hexabase.memberships (organization_id, user_id, role) VALUES (${organizationId}, ${user.id}, 'admin')`.execute(
        tx,
      );
    });
    const actor = await identity.authenticate(tokens.accessToken);
    expect(actor.memberships).toEqual([{ organizationId, role: 'admin' }]);
  });

  it('ends the oldest of three sessions at the fourth sign-in', async () => {
    const user = await person();
    const all = [await signIn(user), await signIn(user), await signIn(user), await signIn(user)];
    const results = await Promise.allSettled(all.map((tokens) => identity.authenticate(tokens.accessToken)));
    expect(results.map((result) => result.status)).toEqual([
      'rejected',
      'fulfilled',
      'fulfilled',
      'fulfilled',
    ]);
    await expect(
      identity.refresh({ refreshToken: all[0]?.refreshToken ?? '', deviceId: null }),
    ).rejects.toMatchObject({ code: 'session_ended' });
  });

  it('ends the oldest beyond the number that the operator set', async () => {
    const user = await person();
    await using strict = await openIdentity({
      db: test.database,
      masterKey: test.masterKey,
      issuer,
      clock,
      sessionsMax: 1,
    });
    const device = { userAgent: null, address: '198.51.100.9', deviceId: null };
    const first = await strict.startSession(user.id, device);
    const second = await strict.startSession(user.id, device);
    await expect(strict.authenticate(first.accessToken)).rejects.toMatchObject({ code: 'session_ended' });
    await expect(strict.authenticate(second.accessToken)).resolves.toMatchObject({ userId: user.id });
  });

  it('leaves no more than three sessions when twelve sign-ins race', async () => {
    const user = await person();
    await Promise.all(Array.from({ length: 12 }, (_, index) => signIn(user, `198.51.100.${index}`)));
    const { rows } = await test.database.asIdentity((tx) =>
      sql`SELECT 1 FROM hexabase.sessions WHERE user_id = ${user.id} AND ended_at IS NULL`.execute(tx),
    );
    expect(rows).toHaveLength(3);
  });
});

describe('guessing passwords', () => {
  it('is slowed down more and more, and a right password does not help while a delay runs', async () => {
    const user = await person();
    for (let guess = 0; guess < 11; guess++) {
      await expect(wrong(user.email, '203.0.113.1')).rejects.toMatchObject({ code: 'invalid_credentials' });
    }
    await expect(signIn(user, '203.0.113.1')).rejects.toMatchObject({
      code: 'rate_limited',
      details: { retryAfterSeconds: 1 },
    });
    clock.advance(1_001);
    await expect(wrong(user.email, '203.0.113.1')).rejects.toMatchObject({ code: 'invalid_credentials' });
    await expect(signIn(user, '203.0.113.1')).rejects.toMatchObject({
      code: 'rate_limited',
      details: { retryAfterSeconds: 2 },
    });
  });

  it('in parallel gets no more tries than one after the other', async () => {
    const user = await person();
    const guesses = await Promise.allSettled(
      Array.from({ length: 50 }, () => wrong(user.email, '203.0.113.2')),
    );
    const codes = guesses.map((guess) => (guess.status === 'rejected' ? guess.reason.code : 'signed in'));
    expect(codes.filter((code) => code === 'invalid_credentials')).toHaveLength(11);
    expect(codes.filter((code) => code === 'rate_limited')).toHaveLength(39);
  });

  it('from one address does not lock the owner out at another', async () => {
    const user = await person();
    await Promise.allSettled(Array.from({ length: 30 }, () => wrong(user.email, '203.0.113.3')));
    await expect(signIn(user, '203.0.113.4')).resolves.toMatchObject({ tokenType: 'Bearer' });
  });

  it('of many accounts from one address is slowed down too', async () => {
    const codes = new Set<string>();
    for (let index = 0; index < 103; index++) {
      const error: { code?: string } = await wrong(`spray-${index}@example.test`, '203.0.113.5').then(
        () => ({}),
        (reason) => reason,
      );
      codes.add(error.code ?? 'signed in');
    }
    expect([...codes].sort()).toEqual(['invalid_credentials', 'rate_limited']);
  });

  it('B10 from many addresses of one subscriber is slowed down like from one', async () => {
    const user = await person();
    for (let guess = 0; guess < 11; guess++)
      await expect(wrong(user.email, `2001:db8:1:2::${guess + 1}`)).rejects.toMatchObject({
        code: 'invalid_credentials',
      });
    await expect(signIn(user, '2001:db8:1:2:ffff::1')).rejects.toMatchObject({ code: 'rate_limited' });
    await expect(signIn(user, '2001:db8:1:3::1')).resolves.toMatchObject({ tokenType: 'Bearer' });
  });

  it('B09 from many addresses of one subscriber no more than fifty programs wait to be signed in', async () => {
    const ask = (address: string) =>
      identity.browser.startDevice({ clientId: 'hks', deviceName: null, address });
    for (let index = 1; index <= 50; index++) await ask(`2001:db8:5:5::${index.toString(16)}`);
    await expect(ask('2001:db8:5:5:ffff::1')).rejects.toMatchObject({ code: 'rate_limited' });
    await expect(ask('2001:db8:5:6::1')).resolves.toMatchObject({ interval: 5 });
  });

  it('does not evict the counter of a victim by a flood of names', async () => {
    const user = await person();
    await Promise.allSettled(Array.from({ length: 12 }, () => wrong(user.email, '203.0.113.6')));
    await test.database.asIdentity((tx) =>
      sql`INSERT INTO hexabase.login_attempts (key, failures, last_at) SELECT 'pair:' || n, 1, ${new Date(clock.now())} FROM generate_series(1, 10000) n`.execute(
        tx,
      ),
    );
    await identity.prune();
    await expect(signIn(user, '203.0.113.6')).rejects.toMatchObject({ code: 'rate_limited' });
  });
});

describe('refreshing', () => {
  it('gives new tokens and spends the old refresh token', async () => {
    const first = await signIn(await person());
    const second = await identity.refresh({ refreshToken: first.refreshToken, deviceId: null });
    expect(second.refreshToken).not.toBe(first.refreshToken);
    await expect(identity.authenticate(second.accessToken)).resolves.toMatchObject({
      email: first.user.email,
    });
  });

  it('with a spent token ends the session, and the newest tokens with it', async () => {
    const first = await signIn(await person());
    const second = await identity.refresh({ refreshToken: first.refreshToken, deviceId: null });
    await expect(
      identity.refresh({ refreshToken: first.refreshToken, deviceId: null }),
    ).rejects.toMatchObject({ code: 'refresh_reused' });
    await expect(identity.authenticate(second.accessToken)).rejects.toMatchObject({ code: 'session_ended' });
    await expect(
      identity.refresh({ refreshToken: second.refreshToken, deviceId: null }),
    ).rejects.toMatchObject({ code: 'session_ended' });
  });

  it('fifty times in parallel has at most one winner and ends the session', async () => {
    const first = await signIn(await person());
    const attempts = await Promise.allSettled(
      Array.from({ length: 50 }, () =>
        identity.refresh({ refreshToken: first.refreshToken, deviceId: null }),
      ),
    );
    const winners = attempts.filter((attempt) => attempt.status === 'fulfilled');
    expect(winners.length).toBe(1);
    for (const winner of winners) {
      await expect(identity.authenticate(winner.value.accessToken)).rejects.toMatchObject({
        code: 'session_ended',
      });
    }
  });

  it('still knows a spent token after a restart', async () => {
    const first = await signIn(await person());
    await identity.refresh({ refreshToken: first.refreshToken, deviceId: null });
    await using restarted = await openIdentity({
      db: test.database,
      masterKey: test.masterKey,
      issuer,
      clock,
    });
    await expect(
      restarted.refresh({ refreshToken: first.refreshToken, deviceId: null }),
    ).rejects.toMatchObject({ code: 'refresh_reused' });
  });

  it('refuses empty, cut, padded and access tokens', async () => {
    const { refreshToken, accessToken } = await signIn(await person());
    for (const bad of [
      '',
      ' ',
      refreshToken.slice(0, -1),
      `${refreshToken}=`,
      `${refreshToken} `,
      refreshToken.slice(5),
      accessToken,
    ]) {
      await expect(identity.refresh({ refreshToken: bad, deviceId: null })).rejects.toMatchObject({
        code: 'unauthenticated',
      });
    }
    await expect(identity.refresh({ refreshToken, deviceId: null })).resolves.toMatchObject({
      expiresIn: 900,
    });
  });

  it('is refused for a disabled account and after seven idle days', async () => {
    const user = await person();
    const tokens = await signIn(user);
    const idle = await signIn(await person());
    await test.database.asIdentity((tx) => disableUser(tx, user.id, clock.now()));
    await expect(
      identity.refresh({ refreshToken: tokens.refreshToken, deviceId: null }),
    ).rejects.toMatchObject({ code: 'session_ended' });
    clock.advance(7 * 86_400_000 + 1);
    await expect(identity.refresh({ refreshToken: idle.refreshToken, deviceId: null })).rejects.toMatchObject(
      { code: 'session_ended' },
    );
  });
});

describe('ending sessions', () => {
  it('stops access and refresh at once', async () => {
    const tokens = await signIn(await person());
    await identity.signOut(tokens.accessToken);
    await expect(identity.authenticate(tokens.accessToken)).rejects.toMatchObject({ code: 'session_ended' });
    await expect(
      identity.refresh({ refreshToken: tokens.refreshToken, deviceId: null }),
    ).rejects.toMatchObject({ code: 'session_ended' });
  });

  it('works with the refresh token when the access token has expired', async () => {
    const tokens = await signIn(await person());
    clock.advance(906_000);
    await expect(identity.signOut(tokens.accessToken)).rejects.toMatchObject({ code: 'token_expired' });
    await identity.signOut(tokens.refreshToken);
    await expect(
      identity.refresh({ refreshToken: tokens.refreshToken, deviceId: null }),
    ).rejects.toMatchObject({ code: 'session_ended' });
  });

  it('lists one’s own sessions and ends another device’s, but nobody else’s', async () => {
    const user = await person();
    const here = await signIn(user);
    const there = await signIn(user, '192.0.2.9');
    const stranger = await identity.authenticate((await signIn(await person())).accessToken);
    const actor = await identity.authenticate(here.accessToken);
    const listed = await identity.listSessions(actor);
    expect(listed.map(({ address, current }) => ({ address, current }))).toEqual([
      { address: '192.0.2.9', current: false },
      { address: '192.0.2.1', current: true },
    ]);
    const other = listed.find((session) => !session.current);
    if (!other) throw new Error('expected another session');
    await expect(identity.endSession(stranger, other.id)).rejects.toMatchObject({ code: 'not_found' });
    await identity.endSession(actor, other.id);
    await expect(identity.authenticate(there.accessToken)).rejects.toMatchObject({ code: 'session_ended' });
  });

  it('takes back at a change of the password what a device was allowed and has not fetched', async () => {
    const asked = () =>
      identity.browser.startDevice({ clientId: 'hks', deviceName: null, address: '192.0.2.1' });
    const poll = (deviceCode: string) =>
      identity.browser.pollDevice({ deviceCode, clientId: 'hks', device: device() });
    const [user, other] = [await person(), await person()];
    const [taken, kept] = [await asked(), await asked()];
    const allow = (userCode: string, { id: userId }: User) =>
      identity.browser.approveDevice({ userCode, person: { userId, secondFactor: false, proof: 0 } });
    await allow(taken.userCode, user);
    await allow(kept.userCode, other);
    await test.database.asIdentity((tx) =>
      setPassword(tx, { userId: user.id, password: 'another good one' }, clock.now()),
    );
    await expect(poll(taken.deviceCode)).rejects.toMatchObject({ code: 'invalid_grant' });
    await expect(poll(kept.deviceCode)).resolves.toMatchObject({ tokenType: 'Bearer' });
  });

  it('follows a change of the password', async () => {
    const user = await person();
    const tokens = await signIn(user);
    await test.database.asIdentity((tx) =>
      setPassword(tx, { userId: user.id, password: 'another good one' }, clock.now()),
    );
    await expect(identity.authenticate(tokens.accessToken)).rejects.toMatchObject({ code: 'session_ended' });
  });
});

describe('accounts', () => {
  it('refuse short passwords, unless an operator insists', async () => {
    const short = { email: 'short@example.test', displayName: 'Short', password: 'pw' };
    await expect(test.database.asIdentity((tx) => createUser(tx, short, clock.now()))).rejects.toMatchObject({
      code: 'validation_failed',
    });
    await test.database.asIdentity((tx) => createUser(tx, { ...short, anyPassword: true }, clock.now()));
    await expect(
      identity.signIn({ email: short.email, password: 'pw', device: device() }),
    ).resolves.toMatchObject({ expiresIn: 900 });
  });

  it('are one per address, whatever its case', async () => {
    const user = await person();
    const twin = { email: user.email.toUpperCase(), displayName: 'Twin', password };
    await expect(test.database.asIdentity((tx) => createUser(tx, twin, clock.now()))).rejects.toMatchObject({
      code: 'already_exists',
    });
  });

  it('are one per mailbox, in whatever script its domain is written, and signed in to with each', async () => {
    counter += 1;
    const domains = [
      `bücher-${counter}.example`,
      `BU\u0308CHER-${counter}.Example.`,
      `ｂücher-${counter}。example`,
    ];
    const [first, ...others] = domains.map((domain) => ({
      email: `who@${domain}`,
      displayName: 'Who',
      password,
    }));
    if (!first) throw new Error('no spelling');
    const user = await test.database.asIdentity((tx) => createUser(tx, first, clock.now()));
    expect(user.email).toMatch(/^who@xn--[a-z0-9-]+\.example$/);
    for (const twin of [...others, { ...first, email: user.email.toUpperCase() }]) {
      const made = test.database.asIdentity((tx) => createUser(tx, twin, clock.now()));
      await expect(made).rejects.toMatchObject({ code: 'already_exists' });
      const { accessToken } = await signIn({ ...user, email: twin.email });
      expect(await identity.authenticate(accessToken)).toMatchObject({ userId: user.id, email: user.email });
    }
  });

  it('show nothing but id, e-mail, name and epoch of co-members to requests', async () => {
    const stranger = await person();
    const me = await person();
    const seen = await test.database.asTenant({ userId: me.id, organizationIds: [] }, (tx) =>
      sql<{ id: string }>`SELECT id, email, display_name FROM hexabase.users`.execute(tx),
    );
    expect(seen.rows.map((row) => row.id)).toEqual([me.id]);
    expect(stranger.id).not.toBe(me.id);
    await expect(
      test.database.asTenant({ userId: me.id, organizationIds: [] }, (tx) =>
        sql`SELECT password_hash FROM hexabase.users`.execute(tx),
      ),
    ).rejects.toThrow(/permission denied/);
    await expect(
      test.database.asWorker((tx) => sql`SELECT * FROM hexabase.sessions`.execute(tx)),
    ).rejects.toThrow(/permission denied/);
  });
});
