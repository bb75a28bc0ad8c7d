import { agreePoolSizes, unknownPlans } from '@hexabase/features/workspaces/reconcile/pool-store.ts';
import type { Database } from '@hexabase/postgres/database.ts';
import type { ServerConfig } from '../config.ts';
import { StartError } from '../lifecycle/data-folder.ts';

type Own = Pick<ServerConfig, 'warmPool'>;

/** Throws `StartError` for a plan in `HKS_WARM_POOL` that there is not. */
export async function requirePoolPlans(
  database: Pick<Database, 'asWorker'>,
  { warmPool }: Own,
): Promise<void> {
  const { unknown, known } = await database.asWorker((tx) => unknownPlans(tx, warmPool));
  if (unknown.length > 0)
    throw new StartError(
      `HKS_WARM_POOL names ${unknown.join(', ')}, but there is no such plan. Plans: ${known.join(', ')}.`,
    );
}

/**
 * Makes `HKS_WARM_POOL` of this server the one of all replicas, which look at their pool within seconds when it is another
 * than before. For a server that has started: one that does not come up decides nothing for those that run.
 */
export async function agreeOnPool(database: Pick<Database, 'asWorker'>, { warmPool }: Own): Promise<void> {
  await database.asWorker((tx) => agreePoolSizes(tx, warmPool));
}
