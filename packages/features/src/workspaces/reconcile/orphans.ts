import { PartialListError } from '@hexabase/cluster/drivers/by-placement.ts';
import type { ClusterDriver } from '@hexabase/cluster/port.ts';
import type { Logger } from '@hexabase/kernel/log.ts';
import type { Database } from '@hexabase/postgres/database.ts';
import { collectOrphans, type OrphanReport } from '@hexabase/reconcile/orphans.ts';
import { tenantOwners } from './store.ts';

/** Pause between two passes. */
export const orphanPassMs = 15 * 60_000;

/**
 * One pass over tenant clusters that no workspace owns. They hold people's data, so they are reported, not removed. What
 * lives on a host cluster that does not answer is not taken for gone.
 */
export async function collectTenantOrphans(deps: {
  database: Database;
  driver: ClusterDriver;
  log: Logger;
  graceMs?: number;
}): Promise<OrphanReport> {
  const { database, driver, log, graceMs } = deps;
  let unreachable: readonly string[] = [];
  const report = await collectOrphans({
    database,
    log,
    kind: 'workspace',
    find: async () => {
      const tenants = await driver
        .listTenants({ signal: AbortSignal.timeout(30_000) })
        .catch((error: unknown) => {
          if (!(error instanceof PartialListError)) throw error;
          unreachable = error.unreachable;
          log.warn({ error, unreachable }, 'some host clusters could not be asked for their tenants');
          return error.tenants;
        });
      return tenants.map(({ workspaceId, uid, driver: carrier = driver.name }) => ({
        cluster: carrier,
        kind: 'kubernetes-cluster',
        key: workspaceId,
        subjectId: workspaceId,
        uid,
      }));
    },
    sawEverything: () => unreachable.length === 0,
    living: async () => new Set(await database.asWorker(tenantOwners)),
    ...(graceMs === undefined ? {} : { graceMs }),
  });
  for (const thing of report.reported) log.error({ thing }, 'a tenant cluster belongs to no workspace');
  return report;
}
