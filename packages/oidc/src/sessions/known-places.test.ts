import { testIdentity } from '@hexabase/testkit/identity/test-identity.ts';
import { sql } from 'kysely';
import { afterAll, describe, expect, it } from 'vitest';
import { createUser, disableUser, enableUser, setPassword, type User } from '../users.ts';

/** Whom strangers’ guesses slow down: not where the owner was, and elsewhere each place by itself. */
const password = 'correct horse battery';
const home = '203.0.113.1';
const { test, identity, clock, close } = await testIdentity();
afterAll(close);
let counter = 0;

describe('while strangers guess, a password', () => {
  it('is taken at once where a session of the account goes on or was left in peace', async () => {
    const user = await person();
    const { accessToken } = await signIn(user, home);
    await signIn(user, '203.0.113.2');
    await identity.signOut(accessToken);
    await guessed(user);
    expect(await tried(user, home)).toBe('in');
    expect(await tried(user, '203.0.113.2')).toBe('in');
    expect(await tried(user, '203.0.113.3')).toBe('rate_limited');
  });

  it('is taken at once where a session was ended by signing in elsewhere once more, for thirty days', async () => {
    const user = await person();
    await signIn(user, '203.0.113.4');
    for (let n = 0; n < 3; n += 1) {
      clock.advance(1_000);
      await signIn(user, home);
    }
    clock.advance(30 * 86_400_000 - 60_000);
    await identity.prune();
    await guessed(user);
    expect(await tried(user, '203.0.113.4')).toBe('in');
  });

  it('waits where the last sign-in is longer ago than that', async () => {
    const user = await person();
    await signIn(user, '203.0.113.5');
    clock.advance(30 * 86_400_000);
    await guessed(user);
    expect(await tried(user, '203.0.113.5')).toBe('rate_limited');
  });

  it('waits where a device only says the name of one that was signed in', async () => {
    const user = await person();
    await signIn(user, home, 'laptop');
    await guessed(user);
    expect(await tried(user, '198.18.0.1', 'laptop')).toBe('rate_limited');
  });

  it.each<[string, (user: User, token: string) => Promise<void>]>([
    ['by a new password', (user) => renew(user)],
    [
      'by themselves, before a new password',
      async (user, token) => {
        await identity.signOut(token);
        await renew(user);
      },
    ],
    [
      'when the account was disabled',
      (user) =>
        test.database.asIdentity(async (tx) => {
          await disableUser(tx, user.id, clock.now());
          await enableUser(tx, user.id);
        }),
    ],
    [
      'by the owner, from the list of sessions',
      async (user, token) => {
        const owner = await identity.authenticate((await signIn(user, home)).accessToken);
        const { sessionId } = await identity.authenticate(token);
        await identity.endSession(owner, sessionId);
      },
    ],
    [
      'because its refresh token came twice',
      async (user) => {
        const { refreshToken } = await signIn(user, '198.51.100.66');
        await identity.refresh({ refreshToken, deviceId: null });
        await expect(identity.refresh({ refreshToken, deviceId: null })).rejects.toMatchObject({
          code: 'refresh_reused',
        });
        // The other one there is still live: it goes as the owner ends it.
        const owner = await identity.authenticate((await signIn(user, home)).accessToken);
        for (const { id, address } of await identity.listSessions(owner))
          if (address === '198.51.100.66') await identity.endSession(owner, id);
      },
    ],
  ])('waits where a session was ended %s', async (_how, end) => {
    const user = await person();
    const thief = '198.51.100.66';
    await end(user, (await signIn(user, thief)).accessToken);
    await guessed(user);
    expect(await tried(user, thief)).toBe('rate_limited');
  });

  it('is taken from its owner at a new place after the minute that they are told, however many keep asking', async () => {
    const user = await person();
    await guessed(user);
    const first = await signIn(user, '192.0.2.77').catch((error: unknown) => error);
    expect(first).toMatchObject({ code: 'rate_limited', details: { retryAfterSeconds: 60 } });
    // Guessers who are first at every moment, at places of their own and at new ones.
    for (let second = 0; second < 61; second += 5) {
      for (const place of ['198.18.1.1', '198.18.1.2', `198.18.2.${second}`]) await wrong(user, place);
      clock.advance(5_000);
    }
    expect(await tried(user, '192.0.2.77')).toBe('in');
  });

  it('is tried once a minute at each new place, and at no time at one that has just come', async () => {
    const user = await person();
    await guessed(user);
    const places = ['198.18.3.1', '198.18.3.2', '198.18.3.3'];
    const round = async () => {
      const codes: string[] = [];
      for (const place of places) for (let n = 0; n < 3; n += 1) codes.push(await wrong(user, place));
      return codes.filter((code) => code === 'invalid_credentials').length;
    };
    expect(await round()).toBe(0);
    clock.advance(60_000);
    expect(await round()).toBe(3);
    clock.advance(59_000);
    expect(await round()).toBe(0);
    clock.advance(1_000);
    expect(await round()).toBe(3);
  });

  it('that is new makes good what was guessed of the old one', async () => {
    const user = await person();
    await guessed(user);
    expect(await tried(user, '192.0.2.78')).toBe('rate_limited');
    await renew(user);
    expect(await tried(user, '192.0.2.79')).toBe('in');
  });

  it('is changed by who is signed in, wherever they are now, and is not guessed by who has only their session', async () => {
    const user = await person();
    const owner = await identity.authenticate((await signIn(user, home)).accessToken);
    await guessed(user);
    const change = (current: string, address: string) =>
      identity
        .changePassword(owner, { current, password, device: device(address) })
        .then(() => 'changed', codeOf);
    const codes: string[] = [];
    for (let n = 0; n < 12; n += 1) codes.push(await change('wrong', `198.18.4.${n}`));
    expect(codes).toEqual([...Array<string>(11).fill('invalid_credentials'), 'rate_limited']);
    clock.advance(1_000);
    expect(await change(password, '192.0.2.80')).toBe('changed');
  });
});

async function person(): Promise<User> {
  counter += 1;
  clock.advance(1_000);
  const user = { email: `person-${counter}@example.test`, displayName: `Person ${counter}`, password };
  return test.database.asIdentity((tx) => createUser(tx, user, clock.now()));
}

function device(address: string, deviceId: string | null = null) {
  return { userAgent: 'vitest', address, deviceId };
}

function signIn(user: User, address: string, deviceId?: string) {
  return identity.signIn({ email: user.email, password, device: device(address, deviceId) });
}

function tried(user: User, address: string, deviceId?: string): Promise<string> {
  return signIn(user, address, deviceId).then(() => 'in', codeOf);
}

async function wrong({ email }: User, address: string): Promise<string> {
  return identity
    .signIn({ email, password: 'not the password', device: device(address) })
    .then(() => 'in', codeOf);
}

function renew(user: User): Promise<void> {
  const change = { userId: user.id, password, anyPassword: true };
  return test.database.asIdentity((tx) => setPassword(tx, change, clock.now()));
}

/** One wrong guess from elsewhere, and ninety-nine as if from others: each takes its time. */
async function guessed(user: User): Promise<void> {
  clock.advance(1_000);
  expect(await wrong(user, '198.51.100.1')).toBe('invalid_credentials');
  const { numAffectedRows } = await test.database.asIdentity((tx) =>
    sql`UPDATE hexabase.login_attempts SET failures = 100
      WHERE key LIKE 'strangers:%' AND last_at = ${new Date(clock.now())}`.execute(tx),
  );
  expect(numAffectedRows).toBe(1n);
}

function codeOf(error: unknown): string {
  return error instanceof Error && 'code' in error ? String(error.code) : String(error);
}
