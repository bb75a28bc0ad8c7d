import type { Condition } from '@hexabase/kernel/conditions.ts';
import type { Tx } from '@hexabase/postgres/database.ts';
import { readHostSight } from '../../host-clusters/public.ts';
import type { WorkspaceRow } from '../store.ts';

/** What nobody could look at for so long is not known any more. */
const unseenMsMax = 5 * 60_000;

/** What the product decided or did, which stays true whether somebody looks or not. */
const known: ReadonlySet<string> = new Set([
  'Accepted',
  'Asleep',
  'PlanFits',
  'Stalled',
  'Synced',
  'Upgraded',
  'WorkEnded',
]);

/**
 * The rows with `Unknown` for everything that depends on a host cluster which does not answer, or was not looked at
 * for five minutes, because no worker runs or this machine slept. The last answer is not shown as
 * if it were one of now, whichever it was.
 */
export async function asSeen(tx: Tx, rows: readonly WorkspaceRow[], nowMs: number): Promise<WorkspaceRow[]> {
  const hosts = new Set(rows.flatMap((row) => row.host_cluster_id ?? []));
  if (hosts.size === 0) return [...rows];
  const sight = await readHostSight(tx, [...hosts]);
  return rows.map((row) => {
    const seen = row.host_cluster_id === null ? undefined : sight.get(row.host_cluster_id);
    if (!seen || !isOutOfSight(seen, nowMs)) return row;
    const since = new Date(seen.seenMs).toISOString();
    const conditions = row.conditions.map((one) => unseen(one, since));
    return { ...row, conditions, access_conditions: row.access_conditions.map((one) => unseen(one, since)) };
  });
}

/** Nobody can say now what is there: it does not answer, or nobody has looked for too long. */
export function isOutOfSight(
  { failing, seenMs }: { failing: boolean; seenMs: number },
  nowMs: number,
): boolean {
  return failing || nowMs - seenMs > unseenMsMax;
}

function unseen(condition: Condition, since: string): Condition {
  if (known.has(condition.type)) return condition;
  const says = condition.type === 'Ready' || condition.type === 'ControlPlaneReady';
  return {
    ...condition,
    status: 'Unknown',
    reason: 'NotLookedAt',
    // What is the same for all of them is said once.
    message: says ? `Nobody could look at its host cluster since ${since}` : '',
    lastTransitionTime: since,
  };
}
