import { fixedClock } from '@hexabase/kernel/clock.ts';
import { isAppError } from '@hexabase/kernel/errors.ts';
import { testDatabase, type TestDatabase } from '@hexabase/testkit/test-database.ts';
import { sql } from 'kysely';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { openIdentity, type Identity } from '../identity.ts';
import { createUser } from '../users.ts';

/** An owner on a new device at a new place, while very many guess. */
const password = 'correct horse battery';
const owners = '192.0.2.1';
const clock = fixedClock(Date.UTC(2030, 0, 1));
let database: TestDatabase;
let identity: Identity;

beforeAll(async () => {
  database = await testDatabase();
  const { masterKey } = database;
  const issuer = 'https://hexabase.test/oidc';
  identity = await openIdentity({ db: database.database, masterKey, issuer, clock });
});

afterAll(async () => {
  await identity?.[Symbol.asyncDispose]();
  await database?.close();
});

/** Seconds that somebody is told to wait, or what else they are told. */
async function tried(email: string, address: string, typed = password): Promise<unknown> {
  const device = { userAgent: null, address, deviceId: null };
  return identity.signIn({ email, password: typed, device }).then(
    () => 'in',
    (error: unknown) =>
      isAppError(error, 'rate_limited') ? error.details['retryAfterSeconds'] : String(error),
  );
}

test('B11 who guesses from a hundred places takes no turn from the owner at a new one, who comes when she is told to', async () => {
  const email = 'owner@example.test';
  const guess = (n: number) => tried(email, `198.18.0.${n}`, 'wrong');
  await database.database.asIdentity((tx) =>
    createUser(tx, { email, displayName: 'Owner', password }, clock.now()),
  );
  await guess(0);
  await database.database.asIdentity((tx) =>
    sql`UPDATE hexabase.login_attempts SET failures = 100 WHERE key LIKE 'strangers:%'`.execute(tx),
  );
  for (let n = 0; n < 100; n += 1) await guess(n);
  const told = await tried(email, owners);
  expect(told).toBe(240);
  let guessed = 0;
  for (let second = 0; second < 240; second += 40) {
    // They are first at every moment.
    for (let n = 0; n < 100; n += 1) if (String(await guess(n)).includes('Error')) guessed += 1;
    if (second === 120) expect(await tried(email, owners)).toBe(120);
    clock.advance(40_000);
  }
  expect(guessed).toBeLessThanOrEqual(90);
  for (let n = 0; n < 100; n += 1) await guess(n);
  expect(await tried(email, owners)).toBe('in');
});
