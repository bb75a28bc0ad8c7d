import { createKeyVault } from '@hexabase/kernel/key-vault.ts';
import { testIdentity } from '@hexabase/testkit/identity/test-identity.ts';
import { sql } from 'kysely';
import { afterAll, describe, expect, it } from 'vitest';
import { resetFactors } from '../second-factor/reset.ts';
import { createUser, disableUser, enableUser, setPassword, type User } from '../users.ts';

/** Where the owner signed in before, nobody’s guesses slow her down; and what says so is worth little to a thief. */
const password = 'correct horse battery';
const away = '192.0.2.10';
const { test, identity, clock, close } = await testIdentity();
afterAll(close);
let counter = 0;

describe('a device on which somebody signed in before', () => {
  it('gets its person in at once at a new place, however many guess elsewhere and at that very place', async () => {
    const user = await person();
    const device = await known(user);
    await guessed(user);
    for (let n = 0; n < 10; n += 1) await tried(user, { address: away, password: 'wrong' });
    await filledAddress(away);
    expect(await tried(user, { address: away })).toBe('rate_limited');
    expect(await tried(user, { address: away, device })).toBe('in');
  });

  it('is no help for another account, and what we did not give is none', async () => {
    const [user, other] = [await person(), await person()];
    const device = await known(other);
    await guessed(user);
    const foreign = createKeyVault(new Uint8Array(32)).seal(Buffer.from('{}'), 'known device');
    const otherUse = createKeyVault(test.masterKey).seal(Buffer.from('{}'), 'known device');
    for (const presented of [device, `${device.slice(0, -4)}AAAA`, foreign, otherUse, '', 'x'.repeat(9_000)])
      expect(await tried(user, { address: away, device: presented })).toBe('rate_limited');
  });

  it('has ten wrong passwords in all, whatever right ones come between and however many come at once', async () => {
    const user = await person();
    const stolen = await known(user);
    await guessed(user);
    const guess = () => tried(user, { address: away, device: stolen, password: 'wrong' });
    for (let n = 0; n < 3; n += 1) {
      expect(await guess()).toBe('invalid_credentials');
      expect(await tried(user, { address: '192.0.2.11', device: stolen })).toBe('in');
      clock.advance(2 * 3_600_000);
      await guessed(user);
    }
    const codes = await Promise.all(Array.from({ length: 20 }, guess));
    expect(codes.filter((code) => code === 'invalid_credentials')).toHaveLength(7);
    expect(await tried(user, { address: '192.0.2.12', device: stolen })).toBe('rate_limited');
    expect(await tried(user, { address: '192.0.2.12', device: await known(user) })).toBe('in');
  });

  it.each<[string, (user: User) => Promise<void>]>([
    ['a new password', (user) => renew(user)],
    [
      'the end of a session from the list',
      async (user) => {
        const owner = await identity.authenticate((await signIn(user, {})).accessToken);
        await identity.endSession(owner, owner.sessionId);
      },
    ],
    [
      'a refresh token that came twice',
      async (user) => {
        const { refreshToken } = await signIn(user, {});
        await identity.refresh({ refreshToken, deviceId: null });
        await expect(identity.refresh({ refreshToken, deviceId: null })).rejects.toMatchObject({
          code: 'refresh_reused',
        });
      },
    ],
    [
      'an account that was disabled for a time',
      (user) =>
        test.database.asIdentity(async (tx) => {
          await disableUser(tx, user.id, clock.now());
          await enableUser(tx, user.id);
        }),
    ],
    [
      'a reset of second factors',
      (user) => {
        const vault = createKeyVault(test.masterKey);
        return test.database.asIdentity((tx) => resetFactors(tx, user, { vault, nowMs: clock.now() }));
      },
    ],
  ])('is known no more after %s', async (_what, end) => {
    const user = await person();
    const device = await known(user);
    await end(user);
    await guessed(user);
    expect(await tried(user, { address: away, device })).toBe('rate_limited');
  });

  it('is known after signing out and after other sign-ins ended its session, for half a year', async () => {
    const user = await person();
    const device = await known(user);
    await identity.signOut((await signIn(user, {})).accessToken);
    for (let n = 0; n < 4; n += 1) await signIn(user, {});
    clock.advance(180 * 86_400_000 - 60_000);
    await guessed(user);
    const before = await counted();
    expect(await tried(user, { address: away, device })).toBe('in');
    expect(await counted()).toBe(before);
    expect(await tried(user, { address: away, device, password: 'wrong' })).toBe('invalid_credentials');
    expect(await counted()).toBe(before + 1);
    clock.advance(60_000);
    expect(await tried(user, { address: '192.0.2.13', device })).toBe('rate_limited');
  });

  it('washes off nothing that was guessed from its place', async () => {
    const [user, other] = [await person(), await person()];
    const device = await known(other);
    const place = '192.0.2.14';
    const wrong = () => tried(user, { address: place, password: 'wrong' });
    expect(await wrong()).toBe('invalid_credentials');
    await filledAddress(place);
    for (let n = 0; n < 3; n += 1) expect(await tried(other, { address: place, device })).toBe('in');
    expect([await wrong(), await wrong()]).toEqual(['invalid_credentials', 'rate_limited']);
  });

  it('is not made for a disabled account', async () => {
    const user = await person();
    await test.database.asIdentity((tx) => disableUser(tx, user.id, clock.now()));
    expect(await identity.rememberDevice(user.id)).toBeNull();
  });
});

describe('unknown devices at new places', () => {
  it('have thirty tries a minute together, however many places there are, and a known one is not among them', async () => {
    const user = await person();
    const device = await known(user);
    await guessed(user);
    const places = Array.from({ length: 40 }, (_, n) => `198.18.9.${n}`);
    const round = async () => {
      const codes: string[] = [];
      for (const address of places) codes.push(await tried(user, { address, password: 'wrong' }));
      return codes.filter((code) => code === 'invalid_credentials').length;
    };
    expect(await round()).toBe(0);
    clock.advance(60_000);
    expect(await round()).toBe(30);
    expect(await round()).toBe(0);
    clock.advance(59_000);
    expect(await round()).toBe(0);
    clock.advance(1_000);
    expect(await round()).toBe(30);
    expect(await tried(user, { address: away })).toBe('rate_limited');
    expect(await tried(user, { address: away, device })).toBe('in');
    await renew(user);
    expect(await tried(user, { address: '192.0.2.15' })).toBe('in');
  });
});

interface Try {
  address?: string;
  device?: string;
  password?: string;
}

async function person(): Promise<User> {
  counter += 1;
  clock.advance(1_000);
  const user = { email: `person-${counter}@example.test`, displayName: `Person ${counter}`, password };
  return test.database.asIdentity((tx) => createUser(tx, user, clock.now()));
}

async function known(user: User): Promise<string> {
  const given = await identity.rememberDevice(user.id);
  if (given === null) throw new Error('nothing was given');
  return given;
}

function signIn({ email }: User, { address = '203.0.113.1', device, ...given }: Try) {
  return identity.signIn({
    email,
    password: given.password ?? password,
    device: { userAgent: 'vitest', address, deviceId: null },
    knownDevice: device ?? null,
  });
}

function tried(user: User, how: Try): Promise<string> {
  return signIn(user, how).then(
    () => 'in',
    (error: unknown) => (error instanceof Error && 'code' in error ? String(error.code) : String(error)),
  );
}

function renew(user: User): Promise<void> {
  const change = { userId: user.id, password, anyPassword: true };
  return test.database.asIdentity((tx) => setPassword(tx, change, clock.now()));
}

/** One wrong guess from elsewhere, and ninety-nine as if from others: each takes its time. */
async function guessed(user: User): Promise<void> {
  clock.advance(1_000);
  expect(await tried(user, { address: '198.51.100.1', password: 'wrong' })).toBe('invalid_credentials');
  await filled('strangers');
}

/** As if this place had been wrong with a hundred accounts, so that the next wrong one costs time. */
async function filledAddress(address: string): Promise<void> {
  clock.advance(1_000);
  await tried(await person(), { address, password: 'wrong' });
  await filled('address');
}

/** Devices of which wrong passwords are kept. */
async function counted(): Promise<number> {
  const { rows } = await test.database.asIdentity((tx) =>
    sql`SELECT id FROM hexabase.device_tries`.execute(tx),
  );
  return rows.length;
}

async function filled(kind: 'strangers' | 'address'): Promise<void> {
  const { numAffectedRows } = await test.database.asIdentity((tx) =>
    sql`UPDATE hexabase.login_attempts SET failures = 100
      WHERE key LIKE ${`${kind}:%`} AND last_at = ${new Date(clock.now())}`.execute(tx),
  );
  expect(numAffectedRows).toBe(1n);
}
