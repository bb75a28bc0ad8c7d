import { brandId } from '@hexabase/kernel/id.ts';
import { clientConfig } from './connection.ts';
import { testDatabase, type TestDatabase } from '@hexabase/testkit/test-database.ts';
import { sql } from 'kysely';
import { Client } from 'pg';
import { afterAll, beforeAll, expect, test } from 'vitest';

let db: TestDatabase;
let admin: Client;
beforeAll(async () => {
  db = await testDatabase();
  admin = new Client({ ...clientConfig(db.admin), options: '-c search_path=hexabase' });
  await admin.connect();
  await admin.query(`create table kept (id text primary key, word text not null);
    grant select on kept to hexabase_worker; insert into kept values ('a', 'first')`);
});
afterAll(async () => {
  await admin.end();
  await db.close();
});

interface Kept {
  id: string;
  word: string;
  more?: string;
}

const read = (id: string) =>
  db.database.asWorker(async (tx) => (await sql<Kept>`select * from kept where id = ${id}`.execute(tx)).rows);

test('a statement that comes again is kept by its connection, and answers for each value', async () => {
  expect(await Promise.all(['a', 'b', 'a', 'b'].map(read))).toEqual([
    [{ id: 'a', word: 'first' }],
    [],
    [{ id: 'a', word: 'first' }],
    [],
  ]);
  const kept = await db.database.asWorker(async (tx) => {
    await sql`select * from kept where id = ${'a'}`.execute(tx);
    const { rows } = await sql<{ statement: string }>`select statement from pg_prepared_statements`.execute(
      tx,
    );
    return rows.map(({ statement }) => statement);
  });
  expect(kept).toContain('select * from kept where id = $1');
});

test('a table that gets another column while its statements are kept is read on with it', async () => {
  expect(await read('a')).toEqual([{ id: 'a', word: 'first' }]);
  await admin.query(`alter table kept add column more text not null default 'new'`);
  const found = { id: 'a', word: 'first', more: 'new' };
  expect(await Promise.all([read('a'), read('a'), read('a')])).toEqual([[found], [found], [found]]);
});

test('a kept statement shows each tenant its own rows', async () => {
  for (const organization of ['org-a', 'org-b']) {
    await admin.query(
      `insert into operations (id, organization_id, kind, subject) values ($1, $2, 'k', 's')`,
      [`of ${organization}`, organization],
    );
  }
  const seenBy = (organization: string) => {
    const scope = { userId: null, organizationIds: [brandId<'Organization'>(organization)] };
    return db.database.asTenant(scope, async (tx) => {
      const { rows } = await sql<{ id: string }>`select id from operations where kind = ${'k'}`.execute(tx);
      return rows.map(({ id }) => id);
    });
  };
  for (let round = 0; round < 8; round += 1) {
    expect(await seenBy('org-a')).toEqual(['of org-a']);
    expect(await seenBy('org-b')).toEqual(['of org-b']);
  }
});

test('a pooler that forgets kept statements is lived with', async () => {
  await read('a');
  await read('a');
  // What poolers do between two transactions.
  await db.database.asWorker((tx) => sql`deallocate all`.execute(tx));
  const found = [{ id: 'a', word: 'first', more: 'new' }];
  expect(await Promise.all(Array.from({ length: 20 }, () => read('a')))).toEqual(
    Array.from({ length: 20 }, () => found),
  );
});
