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
import { createTurns } from '@hexabase/kernel/process/turns.ts';
import { isUnfinished, jobsPath } from './jobs.ts';
import { tenantPages } from './tenant-pages.ts';

/** Names of each that are told; all that were read are counted, see `tenantPages`. */
const namedMax = 20;
/** Somebody waits for the answer. */
const askedMsMax = 4_000;
/** Looks of this process at the same time. */
const looksMax = 2;

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

/**
 * For whoever is about to ask for sleep: null when nobody could look. Those who ask for one workspace at the same time are answered by
 * one look, and few looks are under way together: a tenant decides how much each of them reads.
 */
export function sleepEndsLook(deps: {
  driver: Pick<ClusterDriver, 'tenantClient' | 'sleepEndsPods'>;
  log: Logger;
}): (workspaceId: WorkspaceId) => Promise<SleepEnds | null> {
  const { driver, log } = deps;
  const turns = createTurns();
  const underWay = new Map<WorkspaceId, Promise<SleepEnds | null>>();
  const look = async (workspaceId: WorkspaceId): Promise<SleepEnds | null> => {
    try {
      using _turn = await turns.take([{ key: 'looks', most: looksMax }]);
      const ends = await whatSleepEnds(driver, workspaceId, AbortSignal.timeout(askedMsMax));
      return ends ?? nothingEnds;
    } catch (error) {
      log.warn({ error, workspaceId }, 'what a sleep would end cannot be looked at');
      return null;
    } finally {
      underWay.delete(workspaceId);
    }
  };
  return (workspaceId) => {
    const known = underWay.get(workspaceId);
    if (known) return known;
    const looking = look(workspaceId);
    underWay.set(workspaceId, looking);
    return looking;
  };
}

/** No controller makes it again. */
function isBareAndAlive(pod: Json): boolean {
  if (['Succeeded', 'Failed'].includes(textOf(fieldOf(pod, 'status', 'phase'))) || metaOf(pod).deleting)
    return false;
  return !listOf(fieldOf(pod, 'metadata', 'ownerReferences')).some(({ controller }) => controller === true);
}
