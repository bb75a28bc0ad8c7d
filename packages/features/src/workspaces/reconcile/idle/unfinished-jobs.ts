import type { ClusterDriver } from '@hexabase/cluster/port.ts';
import type { Clock } from '@hexabase/kernel/clock.ts';
import type { WorkspaceId } from '@hexabase/kernel/id.ts';
import type { Logger } from '@hexabase/kernel/log.ts';
import type { Database } from '@hexabase/postgres/database.ts';
import { noteUse } from '../../store.ts';
import { idleWorkspaces } from '../clock-store.ts';

const atOnceMax = 10;
const askMsMax = 5_000;
const pagesMax = 20;

/**
 * Counts a Job that has not ended as use: sleep ends its pods, and one without further tries would fail, although nobody
 * asked for sleep. Only workspaces whose idle minutes are over are asked, just before they would fall asleep. One that does
 * not answer falls asleep as it would. To be run before `runWorkspaceClock`.
 */
export async function keepJobsAwake(deps: {
  driver: Pick<ClusterDriver, 'tenantClient'>;
  database: Database;
  clock: Clock;
  log: Logger;
}): Promise<void> {
  const { driver, database, clock, log } = deps;
  const idle = await database.asWorker((tx) => idleWorkspaces(tx, clock.now()));
  for (let from = 0; from < idle.length; from += atOnceMax) {
    const some = idle.slice(from, from + atOnceMax);
    const answers = await Promise.all(
      some.map((id) =>
        hasUnfinished(driver, id).catch((error: unknown) => {
          log.warn({ error, workspaceId: id }, 'an idle workspace could not be asked for its jobs');
          return false;
        }),
      ),
    );
    const busy = some.filter((_, index) => answers[index]);
    if (busy.length > 0) await database.asWorker((tx) => noteUse(tx, busy, clock.now()));
  }
}

async function hasUnfinished(
  driver: Pick<ClusterDriver, 'tenantClient'>,
  workspaceId: WorkspaceId,
): Promise<boolean> {
  const client = driver.tenantClient(workspaceId);
  const signal = AbortSignal.timeout(askMsMax);
  let from = '';
  for (let page = 0; page < pagesMax; page++) {
    const path = `/apis/batch/v1/jobs?limit=500${from === '' ? '' : `&continue=${encodeURIComponent(from)}`}`;
    const { status, body } = await client.request({ method: 'GET', path, signal });
    if (status !== 200) throw new Error(`the list of jobs was answered with ${status}`);
    const items = fieldOf(body, 'items');
    if (Array.isArray(items) && items.some(isUnfinished)) return true;
    const next = fieldOf(fieldOf(body, 'metadata'), 'continue');
    if (typeof next !== 'string' || next === '') return false;
    from = next;
  }
  return false;
}

/** Neither complete nor failed, and not held back by somebody: a suspended Job has no pods. */
function isUnfinished(job: unknown): boolean {
  if (fieldOf(fieldOf(job, 'spec'), 'suspend') === true) return false;
  const conditions = fieldOf(fieldOf(job, 'status'), 'conditions');
  const ends: unknown[] = ['Complete', 'Failed'];
  return !(
    Array.isArray(conditions) &&
    conditions.some((one) => ends.includes(fieldOf(one, 'type')) && fieldOf(one, 'status') === 'True')
  );
}

function fieldOf(value: unknown, name: string): unknown {
  return value !== null && typeof value === 'object' && Object.hasOwn(value, name)
    ? Object.getOwnPropertyDescriptor(value, name)?.value
    : undefined;
}
