import { createKeyVault, WrongKeyError } from '@hexabase/kernel/key-vault.ts';
import { silentLogger } from '@hexabase/kernel/log.ts';
import { testDatabase, type TestDatabase } from '@hexabase/testkit/test-database.ts';
import { Client } from 'pg';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { clientConfig } from './connection.ts';
import { openDatabase } from './open-database.ts';
import { signingKeyContext } from './require-key.ts';

let test: TestDatabase;
let admin: Client;
beforeAll(async () => {
  test = await testDatabase();
  admin = new Client(clientConfig(test.admin));
  await admin.connect();
});
afterAll(async () => {
  await admin.end();
  await test.close();
});

const passwords = async (): Promise<unknown> =>
  (await admin.query(`select rolname, rolpassword from pg_authid where rolname like 'hexabase%' order by 1`))
    .rows;

const open = (masterKey: Uint8Array) =>
  openDatabase({
    connection: { kind: 'url', url: test.adminUrl },
    masterKey,
    log: silentLogger,
    migrate: 'skip',
  });

it('a database that sealed something is opened with its own master key only, and with another nothing is changed', async () => {
  const sealed = createKeyVault(test.masterKey).seal(Buffer.from('key'), signingKeyContext('k1'));
  await admin.query(
    `insert into hexabase.signing_keys (kid, public_jwk, private_key, state, created_at)
     values ('k1', '{}', $1, 'next', now())`,
    [sealed],
  );
  const before = await passwords();
  await expect(open(Buffer.alloc(32, 7))).rejects.toThrow(WrongKeyError);
  expect(await passwords()).toEqual(before);
  await using opened = await open(test.masterKey);
  await opened.ping();
});
