import { agreePoolSizes, unknownPlans } from '@hexabase/features/workspaces/reconcile/pool-store.ts';
import type { Database } from '@hexabase/postgres/database.ts';
import type { ServerConfig } from '../config.ts';
import { StartError } from '../lifecycle/data-folder.ts';

/**
 * Makes `HKS_WARM_POOL` of this start the one of all replicas, which look at their pool within seconds when it is another
 * than before. Throws `StartError` for a plan that there is not.
 */
export async function keepWarmPool(
  database: Pick<Database, 'asWorker'>,
  { warmPool }: Pick<ServerConfig, 'warmPool'>,
): Promise<void> {
  await database.asWorker(async (tx) => {
    const { unknown, known } = await unknownPlans(tx, warmPool);
    if (unknown.length > 0)
      throw new StartError(
        `HKS_WARM_POOL names ${unknown.join(', ')}, but there is no such plan. Plans: ${known.join(', ')}.`,
      );
    await agreePoolSizes(tx, warmPool);
  });
}
