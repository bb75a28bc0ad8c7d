import type { ClusterDriver } from '@hexabase/cluster/port.ts';
import type { Clock } from '@hexabase/kernel/clock.ts';
import type { WorkspaceId } from '@hexabase/kernel/id.ts';
import type { Logger } from '@hexabase/kernel/log.ts';
import type { Database, Tx } from '@hexabase/postgres/database.ts';
import { readHostSight } from '../../../host-clusters/public.ts';
import { isOutOfSight } from '../../life-cycle/seen.ts';
import { noteUse } from '../../store.ts';
import { idleWorkspaces, type IdleWorkspace } from '../clock-store.ts';
import { hasJobAtWork } from '../ending/jobs.ts';

export interface IdleDeps {
  driver: Pick<ClusterDriver, 'tenantClient'>;
  database: Database;
  clock: Clock;
  log: Logger;
  /** The same in each pass: since when each that was asked has not answered, in milliseconds since the epoch. */
  silences: Map<WorkspaceId, number>;
  limits?: IdleLimits;
}

interface IdleLimits {
  /** Of each host cluster. */
  atOnce: number;
  askMs: number;
  /** After this no further one is asked: schedules and deletions wait for the end of it. */
  passMs: number;
}

/**
 * Who does not answer for so long, although its host cluster does, falls asleep without having told its Jobs. Behind a host that
 * cannot be reached they go on, and nothing could be stopped there.
 */
const silentMsMax = 60 * 60_000;

const defaultLimits: IdleLimits = { atOnce: 10, askMs: 5_000, passMs: 15_000 };

/**
 * Counts a Job that has not ended as use: sleep ends its pods, and one without further tries would fail, although nobody
 * asked for sleep. Only workspaces whose idle minutes are over are asked, just before they would fall asleep. Host clusters
 * are asked beside each other, and in another order each time, so that those that do not answer are in nobody's way. To be
 * run before `runWorkspaceClock`. Answers those that may fall asleep there: who was not asked, as there was no time or
 * it became idle only meanwhile, may not.
 */
export async function keepJobsAwake(deps: IdleDeps): Promise<WorkspaceId[]> {
  const { database, clock, limits = defaultLimits } = deps;
  const asked = await database.asWorker((tx) => reachableOf(tx, clock.now()));
  const endMs = performance.now() + limits.passMs;
  const busy: WorkspaceId[] = [];
  const resting: WorkspaceId[] = [];
  const ask = async (left: IdleWorkspace[]): Promise<void> => {
    while (performance.now() < endMs) {
      const one = left.shift();
      if (one === undefined) return;
      const isAtWork = await lookAt(deps, one.id);
      if (isAtWork === true) busy.push(one.id);
      const isSilent = isSilentStill(deps, one.id, isAtWork === null);
      if (isAtWork !== true && !isSilent) resting.push(one.id);
    }
  };
  const known = new Set(asked.map(({ id }) => id));
  for (const id of deps.silences.keys()) if (!known.has(id)) deps.silences.delete(id);
  const places = byHost(asked);
  await Promise.all(places.flatMap((left) => Array.from({ length: limits.atOnce }, () => ask(left))));
  if (busy.length > 0) await database.asWorker((tx) => noteUse(tx, busy, clock.now()));
  return resting;
}

/** Idle ones but those on a host cluster which nobody reaches: they need not be asked. */
async function reachableOf(tx: Tx, nowMs: number): Promise<IdleWorkspace[]> {
  const idle = await idleWorkspaces(tx, nowMs);
  const hosts = new Set(idle.flatMap(({ hostClusterId }) => hostClusterId ?? []));
  if (hosts.size === 0) return idle;
  const sight = await readHostSight(tx, [...hosts]);
  return idle.filter(({ hostClusterId }) => {
    const seen = sight.get(hostClusterId ?? '');
    return seen === undefined || !isOutOfSight(seen, nowMs);
  });
}

/** Whether it is to stay awake for not having answered. */
function isSilentStill({ silences, clock }: IdleDeps, id: WorkspaceId, isSilent: boolean): boolean {
  const nowMs = clock.now();
  const sinceMs = silences.get(id) ?? nowMs;
  if (isSilent) silences.set(id, sinceMs);
  else silences.delete(id);
  return isSilent && nowMs - sinceMs < silentMsMax;
}

/** Null when it did not answer. */
async function lookAt(
  { driver, clock, log, limits }: IdleDeps,
  workspaceId: WorkspaceId,
): Promise<boolean | null> {
  const signal = AbortSignal.timeout((limits ?? defaultLimits).askMs);
  try {
    return await hasJobAtWork(driver.tenantClient(workspaceId), { nowMs: clock.now(), signal });
  } catch (error) {
    log.warn({ error, workspaceId }, 'an idle workspace could not be asked for its jobs');
    return null;
  }
}

function byHost(idle: readonly IdleWorkspace[]): IdleWorkspace[][] {
  return [...Map.groupBy(idle, ({ hostClusterId }) => hostClusterId).values()];
}
