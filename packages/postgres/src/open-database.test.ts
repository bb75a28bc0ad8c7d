import { sql } from 'kysely';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { brandId } from '@hexabase/kernel/id.ts';
import type { Tx } from './database.ts';
import { ahead } from './pipelined-dialect.ts';
import { SecondConnectionError } from './role-pool.ts';
import { testDatabase, type TestDatabase } from '@hexabase/testkit/test-database.ts';

let test1: TestDatabase;
beforeAll(async () => {
  test1 = await testDatabase();
});
afterAll(() => test1.close());

describe('row-level security', () => {
  test('a tenant sees the operations of its own organizations only', async () => {
    const { database } = test1;
    await database.asWorker(async (tx) => {
      for (const org of ['org-a', 'org-b']) {
        await sql`insert into operations (id, organization_id, kind, subject) values (${`op-${org}`}, ${org}, 'k', 's')`.execute(
          tx,
        );
      }
    });
    const scope = { userId: brandId<'User'>('u'), organizationIds: [brandId<'Organization'>('org-a')] };
    const seen = await database.asTenant(scope, (tx) =>
      sql<{ id: string }>`select id from operations`.execute(tx),
    );
    expect(seen.rows).toEqual([{ id: 'op-org-a' }]);
    const nobody = { userId: null, organizationIds: [] };
    expect(
      (await database.asTenant(nobody, (tx) => sql`select id from operations`.execute(tx))).rows,
    ).toEqual([]);
  });

  test('a tenant cannot write into another organization', async () => {
    const scope = { userId: brandId<'User'>('u'), organizationIds: [brandId<'Organization'>('org-a')] };
    const attempt = test1.database.asTenant(scope, (tx) =>
      sql`insert into operations (id, organization_id, kind, subject) values ('x', 'org-b', 'k', 's')`.execute(
        tx,
      ),
    );
    await expect(attempt).rejects.toThrow(/row-level security/);
  });

  test('a request may wake a key but cannot read the queue', async () => {
    const scope = { userId: null, organizationIds: [] };
    await test1.database.asTenant(scope, (tx) => sql`select hexabase.enqueue('workspace', 'k1')`.execute(tx));
    const reading = test1.database.asTenant(scope, (tx) => sql`select * from reconcile_queue`.execute(tx));
    await expect(reading).rejects.toThrow(/permission denied/);
    const rows = await test1.database.asWorker((tx) =>
      sql`select kind, key from reconcile_queue`.execute(tx),
    );
    expect(rows.rows).toEqual([{ kind: 'workspace', key: 'k1' }]);
  });
});

describe('transactions', () => {
  test('what throws leaves nothing behind', async () => {
    const failing = test1.database.asWorker(async (tx) => {
      await sql`insert into operations (id, organization_id, kind, subject) values ('gone', 'o', 'k', 's')`.execute(
        tx,
      );
      throw new Error('stop');
    });
    await expect(failing).rejects.toThrow('stop');
    const rows = await test1.database.asWorker((tx) =>
      sql`select 1 from operations where id = 'gone'`.execute(tx),
    );
    expect(rows.rows).toEqual([]);
  });

  test('an aborted call is rolled back', async () => {
    const controller = new AbortController();
    const aborted = test1.database.asWorker(
      async (tx) => {
        await sql`insert into operations (id, organization_id, kind, subject) values ('late', 'o', 'k', 's')`.execute(
          tx,
        );
        controller.abort(new Error('gave up'));
      },
      { signal: controller.signal },
    );
    await expect(aborted).rejects.toThrow('gave up');
    const rows = await test1.database.asWorker((tx) =>
      sql`select 1 from operations where id = 'late'`.execute(tx),
    );
    expect(rows.rows).toEqual([]);
  });

  test('what goes ahead of the commit is there after it, and when it is refused nothing is', async () => {
    const { database } = test1;
    const insert = "insert into operations (id, organization_id, kind, subject) values ($1, 'o', 'k', 's')";
    const change = (own: string, last: unknown) =>
      database.asWorker(async (tx) => {
        await sql`insert into operations (id, organization_id, kind, subject) values (${own}, 'o', 'k', 's')`.execute(
          tx,
        );
        await tx.executeQuery(ahead(insert, [last]));
      });
    await change('first', 'ahead');
    await expect(change('second', 'ahead')).rejects.toThrow(/duplicate key/);
    const unsendable = {
      toPostgres: () => {
        throw new Error('cannot be sent');
      },
    };
    await expect(change('third', unsendable)).rejects.toThrow('cannot be sent');
    const { rows } = await database.asWorker((tx) =>
      sql<{
        id: string;
      }>`select id from operations where id in ('first', 'ahead', 'second', 'third') order by id`.execute(tx),
    );
    expect(rows.map(({ id }) => id)).toEqual(['ahead', 'first']);
  });

  test('none takes a second connection while it holds one', async () => {
    const { database } = test1;
    const scope = { userId: null, organizationIds: [] };
    const doors = [
      (run: (tx: Tx) => Promise<unknown>) => database.asTenant(scope, run),
      (run: (tx: Tx) => Promise<unknown>) => database.asWorker(run),
      (run: (tx: Tx) => Promise<unknown>) => database.asIdentity(run, { oneStatement: true }),
    ];
    for (const outer of doors)
      for (const inner of doors)
        await expect(outer(() => inner((tx) => sql`select 1`.execute(tx)))).rejects.toThrow(
          SecondConnectionError,
        );
    const after = await database.asWorker(
      async () => () => database.asIdentity((tx) => sql`select 1 as one`.execute(tx)),
    );
    expect((await after()).rows).toEqual([{ one: 1 }]);
  });

  test('a read-only transaction refuses to write', async () => {
    const writing = test1.database.asWorker((tx) => sql`delete from operations`.execute(tx), {
      readOnly: true,
    });
    await expect(writing).rejects.toThrow(/read-only/);
  });

  test('what a request only reads is given up after ten seconds, a change after thirty', async () => {
    const scope = { userId: null, organizationIds: [] };
    const limitOf = async (readOnly: boolean) => {
      const { rows } = await test1.database.asTenant(
        scope,
        (tx) => sql<{ statement_timeout: string }>`show statement_timeout`.execute(tx),
        { readOnly },
      );
      return rows[0]?.statement_timeout;
    };
    // In this order: nothing of it stays with the connection.
    expect([await limitOf(true), await limitOf(false), await limitOf(true)]).toEqual(['10s', '30s', '10s']);
  });
});

test('a listener hears what another connection notifies', async () => {
  const heard = Promise.withResolvers<string>();
  await using listening = await test1.database.listen('hexabase_wake', (payload) => heard.resolve(payload));
  await test1.database.asWorker((tx) => sql`select hexabase.enqueue('workspace', 'k2')`.execute(tx));
  expect(await heard.promise).toBe('workspace/k2');
  expect(listening).toBeDefined();
});

test('ping answers', async () => {
  await expect(test1.database.ping()).resolves.toBeUndefined();
});

test('a connection that breaks in a transaction fails that one, and does not end the process', async () => {
  const { database } = test1;
  const broken = database.asWorker(async (tx) => {
    const { rows } = await sql<{ pid: number }>`select pg_backend_pid() as pid`.execute(tx);
    await database.asWorker((other) => sql`select pg_terminate_backend(${rows[0]?.pid})`.execute(other));
    for (;;) await sql`select 1`.execute(tx);
  });
  await expect(broken).rejects.toThrow();
  const { rows } = await database.asWorker((tx) => sql`select 1 as one`.execute(tx));
  expect(rows).toEqual([{ one: 1 }]);
});
