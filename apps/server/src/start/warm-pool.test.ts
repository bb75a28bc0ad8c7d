import { testDatabase, type TestDatabase } from '@hexabase/testkit/test-database.ts';
import { agreedPoolSizes } from '@hexabase/features/workspaces/reconcile/pool-store.ts';
import { afterEach, beforeEach, expect, it } from 'vitest';
import { StartError } from '../lifecycle/data-folder.ts';
import { agreeOnPool, requirePoolPlans } from './warm-pool.ts';

let db: TestDatabase;
beforeEach(async () => {
  db = await testDatabase();
});
afterEach(() => db.close());

it('refuses a start that names a plan which there is not, and keeps what was agreed before', async () => {
  await agreeOnPool(db.database, { warmPool: { starter: 2, pro: 0 } });
  const start = requirePoolPlans(db.database, { warmPool: { starter: 1, nonsense: 1 } });
  await expect(start).rejects.toThrow(StartError);
  await expect(start).rejects.toThrow(
    /HKS_WARM_POOL names nonsense, but there is no such plan\. Plans: .*starter/,
  );
  expect(await db.database.asWorker(agreedPoolSizes)).toEqual({ starter: 2 });
});
