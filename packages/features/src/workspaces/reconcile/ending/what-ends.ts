import { nothingEnds, type SleepEnds } from '@hexabase/contract/workspace-sleep.ts';
import {
  fieldOf,
  listOf,
  metaOf,
  textOf,
  type Json,
} from '@hexabase/cluster/drivers/vcluster/host/objects.ts';
import type { ClusterDriver } from '@hexabase/cluster/port.ts';
import type { WorkspaceId } from '@hexabase/kernel/id.ts';
import type { Logger } from '@hexabase/kernel/log.ts';
import { isUnfinished, jobsPath } from './jobs.ts';
import { tenantPages } from './tenant-pages.ts';

/** Names of each that are told; all are counted. */
const namedMax = 20;
/** Somebody waits for the answer. */
const askedMsMax = 4_000;

/**
 * What the sleep of a workspace that is awake ends, and nothing makes again by itself. Null where a sleep ends nothing. Throws what
 * the client throws.
 */
export async function whatSleepEnds(
  driver: Pick<ClusterDriver, 'tenantClient' | 'sleepEndsPods'>,
  workspaceId: WorkspaceId,
  signal: AbortSignal,
): Promise<SleepEnds | null> {
  if ((await driver.sleepEndsPods?.(workspaceId)) !== true) return null;
  const client = driver.tenantClient(workspaceId);
  const select = async (path: string, isMeant: (object: Json) => boolean) => {
    const found = { count: 0, names: [] as string[] };
    for await (const page of tenantPages(client, path, signal)) {
      for (const { name, namespace } of page.filter(isMeant).map(metaOf)) {
        found.count++;
        if (found.names.length < namedMax) found.names.push(`${namespace}/${name}`);
      }
    }
    return found;
  };
  const [pods, jobs] = await Promise.all([
    select('/api/v1/pods', isBareAndAlive),
    select(jobsPath, isUnfinished),
  ]);
  return { pods, jobs };
}

/** For whoever is about to ask for sleep: null when nobody could look. */
export async function seenSleepEnds(
  { driver, log }: { driver: Pick<ClusterDriver, 'tenantClient' | 'sleepEndsPods'>; log: Logger },
  workspaceId: WorkspaceId,
): Promise<SleepEnds | null> {
  try {
    const ends = await whatSleepEnds(driver, workspaceId, AbortSignal.timeout(askedMsMax));
    return ends ?? nothingEnds;
  } catch (error) {
    log.warn({ error, workspaceId }, 'what a sleep would end cannot be looked at');
    return null;
  }
}

/** No controller makes it again. */
function isBareAndAlive(pod: Json): boolean {
  if (['Succeeded', 'Failed'].includes(textOf(fieldOf(pod, 'status', 'phase'))) || metaOf(pod).deleting)
    return false;
  return !listOf(fieldOf(pod, 'metadata', 'ownerReferences')).some(({ controller }) => controller === true);
}
