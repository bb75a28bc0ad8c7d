import { afterEach, beforeEach, expect, test } from 'vitest';
import { silentLogger } from '@hexabase/kernel/log.ts';
import { addToOutbox } from '@hexabase/postgres/outbox.ts';
import { testDatabase, type TestDatabase } from '@hexabase/testkit/test-database.ts';
import { startOutboxRelay, type Published } from './outbox-relay.ts';

let test1: TestDatabase;
beforeEach(async () => {
  test1 = await testDatabase();
});
afterEach(() => test1.close());

const message = (n: number) => ({ subject: 'lamp.lit', organizationId: null, payload: { n } });

async function until(look: () => boolean): Promise<void> {
  while (!look()) await new Promise((resolve) => setTimeout(resolve, 5));
}

test('a committed change is published, one that was rolled back is not', async () => {
  const sent: Published[] = [];
  await using _relay = await startOutboxRelay({
    database: test1.database,
    log: silentLogger,
    publish: async (one) => void sent.push(one),
  });
  await expect(
    test1.database.asWorker(async (tx) => {
      await addToOutbox(tx, message(1));
      throw new Error('rolled back');
    }),
  ).rejects.toThrow('rolled back');
  await test1.database.asTenant({ userId: null, organizationIds: [] }, (tx) => addToOutbox(tx, message(2)));
  await until(() => sent.length > 0);
  expect(sent.map((one) => one.payload)).toEqual([{ n: 2 }]);
});

test('what could not be handed on is sent again, in order', async () => {
  const sent: unknown[] = [];
  let failures = 1;
  const publish = async (one: Published) => {
    if (one.payload.n === 2 && failures-- > 0) throw new Error('the bus is down');
    sent.push(one.payload.n);
  };
  for (const n of [1, 2, 3]) await test1.database.asWorker((tx) => addToOutbox(tx, message(n)));
  const first = await startOutboxRelay({ database: test1.database, log: silentLogger, publish });
  await until(() => failures === 0);
  await first[Symbol.asyncDispose]();
  await using _second = await startOutboxRelay({ database: test1.database, log: silentLogger, publish });
  await until(() => sent.length === 3);
  expect(sent).toEqual([1, 2, 3]);
});
