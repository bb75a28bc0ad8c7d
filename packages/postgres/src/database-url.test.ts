import { silentLogger } from '@hexabase/kernel/log.ts';
import { testDatabase } from '@hexabase/testkit/test-database.ts';
import { expect, test } from 'vitest';
import { databaseUrl, DatabaseUrlError } from './connection.ts';
import { openDatabase } from './open-database.ts';

test('a DATABASE_URL that leads nowhere is refused with where it leads, and never with its password', async () => {
  const db = await testDatabase();
  const { admin } = db;
  const cases: [string, RegExp][] = [
    ['postgres://me:hidden@host:port/x', /is no address such as postgres:/],
    ['http://me:hidden@127.0.0.1/x', /must begin with postgres:/],
    ['postgres://me:hidden@127.0.0.1:1/x', /cannot be used \(127\.0\.0\.1:1\/x as me\): .*ECONNREFUSED/],
    [databaseUrl({ ...admin, database: 'gone' }), /gone as .*: database "gone" does not exist/],
    [databaseUrl({ ...admin, user: 'nobody', password: 'hidden' }), /as nobody\): .*"nobody"/],
  ];
  for (const [url, why] of cases) {
    const masterKey = new Uint8Array(32);
    const opened = openDatabase({ connection: { kind: 'url', url }, masterKey, log: silentLogger });
    const error: unknown = await opened.catch((refused: unknown) => refused);
    expect(error, url).toBeInstanceOf(DatabaseUrlError);
    expect(String(error)).toMatch(why);
    expect(String(error)).not.toContain('hidden');
  }
  await db.close();
});
