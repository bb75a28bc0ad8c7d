import { fixedClock } from '@hexabase/kernel/clock.ts';
import { openIdentity, type Identity } from '@hexabase/oidc/identity.ts';
import { testDatabase, type TestDatabase } from '../test-database.ts';

export interface TestIdentity {
  test: TestDatabase;
  identity: Identity;
  issuer: string;
  /** Begins in the year 2030, and moves when it is told to. */
  clock: ReturnType<typeof fixedClock>;
  close(): Promise<void>;
}

/** Accounts and sessions on a fresh database, as the product opens them. */
export async function testIdentity(): Promise<TestIdentity> {
  const test = await testDatabase();
  const clock = fixedClock(Date.UTC(2030, 0, 1));
  const issuer = 'https://hexabase.test/oidc';
  const identity = await openIdentity({ db: test.database, masterKey: test.masterKey, issuer, clock });
  const close = async () => {
    await identity[Symbol.asyncDispose]();
    await test.close();
  };
  return { test, identity, issuer, clock, close };
}
