import type { ClusterDriver } from '@hexabase/cluster/port.ts';
import type { Clock } from '@hexabase/kernel/clock.ts';
import type { Logger } from '@hexabase/kernel/log.ts';
import type { Database } from '@hexabase/postgres/database.ts';
import { changeByClock } from '../clock-store.ts';
import {
  holdRollOut,
  offerWins,
  rollOutCandidates,
  rollOutPlaces,
  type RollOutPlace,
} from './roll-out-store.ts';

/** Pause between two looks. */
export const rollOutPassMs = 60_000;
/** On one host cluster, once the first one has shown that it works. */
const atOnceMax = 3;

export interface RollOutDeps {
  database: Database;
  driver: ClusterDriver;
  clock: Clock;
  log: Logger;
}

/**
 * Brings the newest release to the workspaces of each host cluster, as upgrades: the first one alone, then three at a time.
 * Each has its gate and its way back; one that goes back stops the roll-out of that release there, until somebody has
 * `hks workspace retry` try that workspace again, or the settings give another release. Of servers with different settings
 * those begin something that have the release that was offered last. Answers how many it began.
 */
export async function runRollOut(deps: RollOutDeps): Promise<number> {
  const { database, driver, log } = deps;
  let begun = 0;
  for (const place of await database.asWorker(rollOutPlaces)) {
    try {
      const newest = (await driver.newestRelease?.(place.workspaceId)) ?? null;
      if (newest !== null) begun += await rollOutAt(deps, place, newest);
    } catch (error) {
      // A host cluster that cannot be asked holds up no other one.
      log.warn(
        { error, hostClusterId: place.hostClusterId },
        'a host cluster does not tell its newest release',
      );
    }
  }
  return begun;
}

async function rollOutAt(
  { database, clock, log }: RollOutDeps,
  place: RollOutPlace,
  release: string,
): Promise<number> {
  const { hostClusterId } = place;
  return database.asWorker(async (tx) => {
    const { proven, underWay, unwell, refusing } = await holdRollOut(tx, place, release);
    if (!(await offerWins(tx, place, release))) return 0;
    const limit = (proven === 0 ? 1 : atOnceMax) - underWay;
    if (limit <= 0 && unwell.length > 0)
      log.warn({ hostClusterId, release, unwell }, 'a roll-out waits for a workspace that is not well');
    const ids = limit > 0 ? await rollOutCandidates(tx, place, { release, limit }) : [];
    if (ids.length > 0 && refusing.length > 0) {
      log.error(
        { hostClusterId, release, refusing },
        'a roll-out has stopped: a workspace went back from it',
      );
      return 0;
    }
    const change = { kind: 'workspace.upgrade', release } as const;
    for (const id of ids) await changeByClock(tx, { id, nowMs: clock.now(), change });
    if (ids.length > 0) log.info({ hostClusterId, release, workspaces: ids }, 'a release is brought');
    return ids.length;
  });
}
