import { fixedClock } from '@hexabase/kernel/clock.ts';
import { testDatabase, type TestDatabase } from '@hexabase/testkit/test-database.ts';
import { sql } from 'kysely';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { openIdentity, type Identity } from '../identity.ts';
import { createUser } from '../users.ts';
import { hashInTurn } from './password-turns.ts';

/** Hashing a password takes long on purpose: who makes us do it waits, and nobody else. */
const password = 'correct horse battery';
const clock = fixedClock(Date.UTC(2030, 0, 1));
let database: TestDatabase;
let identity: Identity;

beforeAll(async () => {
  database = await testDatabase();
  const issuer = 'https://hexabase.test/oidc';
  const { masterKey } = database;
  identity = await openIdentity({ db: database.database, masterKey, issuer, clock });
});

afterAll(async () => {
  await identity?.[Symbol.asyncDispose]();
  await database?.close();
});

async function person(name: string) {
  const user = { email: `${name}@example.test`, displayName: 'Person', password };
  return database.database.asIdentity((tx) => createUser(tx, user, clock.now()));
}

function signIn(email: string, address: string, knownDevice: string | null = null) {
  const device = { userAgent: null, address, deviceId: null };
  return identity.signIn({ email, password, device, knownDevice });
}

/** Starts that many sign-ins of people whom there are not; answers how many of them were told so. */
function flood(size: number, addressOf: (n: number) => string): { told(): number; over: Promise<unknown> } {
  let told = 0;
  const all = Array.from({ length: size }, (_, n) =>
    signIn(`nobody-${addressOf(n)}-${n}@example.test`, addressOf(n)).catch(() => (told += 1)),
  );
  return { told: () => told, over: Promise.all(all) };
}

async function countedTries(): Promise<number> {
  const { rows } = await database.database.asIdentity((tx) =>
    sql`SELECT 1 FROM hexabase.login_attempts WHERE key LIKE 'pair:%'`.execute(tx),
  );
  return rows.length;
}

test('C17 passwords that strangers try from everywhere keep nobody waiting whom we know', async () => {
  const ann = await person('ann');
  const device = await identity.rememberDevice(ann.id);
  const strangers = flood(120, (n) => `198.51.100.${n}`);
  await expect.poll(countedTries, { interval: 5, timeout: 30_000 }).toBe(120);
  // All others stand in line.
  const before = strangers.told();
  await signIn(ann.email, '192.0.2.1', device);
  expect(strangers.told() - before).toBeLessThan((120 - before) / 2);
  await strangers.over;
});

test('C17 passwords that are tried from one address keep nobody waiting at another', async () => {
  const bob = await person('bob');
  const neighbours = flood(90, () => '203.0.113.1');
  await signIn(bob.email, '192.0.2.2');
  expect(neighbours.told()).toBeLessThan(45);
  await neighbours.over;
});

test('a password that came to no turn is not counted as a wrong one', async () => {
  const eve = await person('eve');
  const address = '203.0.113.2';
  const gate = Promise.withResolvers<void>();
  const full = Promise.allSettled(
    Array.from({ length: 102 }, () => hashInTurn({ address }, () => gate.promise)),
  );
  for (let n = 0; n < 12; n += 1)
    await expect(signIn(eve.email, address)).rejects.toMatchObject({ code: 'rate_limited' });
  gate.resolve();
  await full;
  expect((await signIn(eve.email, address)).user.email).toBe(eve.email);
});
