import { systemClock } from '@hexabase/kernel/clock.ts';
import { silentLogger } from '@hexabase/kernel/log.ts';
import { until } from '@hexabase/testkit/given.ts';
import { testDatabase } from '@hexabase/testkit/test-database.ts';
import { Client } from 'pg';
import { expect, test } from 'vitest';
import { startEngine } from './engine.ts';
import type { Registration } from './registration.ts';

test('a worker that stops while it is taking keys begins none of them, and leaves them to the next', async () => {
  await using stack = new AsyncDisposableStack();
  const { database, adminUrl } = stack.use(await testDatabase());
  const begun: string[] = [];
  const registration: Registration = {
    kind: 'any',
    share: 1,
    workflows: [],
    keys: async () => [],
    reconcile: async (_tools, { key }) => {
      begun.push(key);
      return { kind: 'gone' };
    },
  };
  const options = { database, registrations: [registration], clock: systemClock, log: silentLogger };
  const engine = await startEngine(options);
  const admin = new Client(adminUrl);
  await admin.connect();
  stack.defer(() => admin.end());
  await admin.query('begin; lock table hexabase.reconcile_queue in access exclusive mode');
  await admin.query(`select hexabase.enqueue('any', 'late')`);
  engine.wake();
  const waiting = `select 1 from pg_locks where relation = 'hexabase.reconcile_queue'::regclass and not granted`;
  await until(async () => (await admin.query(waiting)).rows.length > 0);
  const stopped = engine[Symbol.asyncDispose]();
  await admin.query('commit');
  await stopped;
  expect((await admin.query('select lease_owner from hexabase.reconcile_queue')).rows).toEqual([
    { lease_owner: null },
  ]);
  expect(begun).toEqual([]);
  stack.use(await startEngine(options));
  await until(async () => begun.length > 0);
});
