import type { Clock } from '@hexabase/kernel/clock.ts';
import type { WorkspaceId } from '@hexabase/kernel/id.ts';
import type { Logger } from '@hexabase/kernel/log.ts';
import type { Database, Tx } from '@hexabase/postgres/database.ts';
import { dueTurn, nextTurn, type ScheduledTurn } from '../life-cycle/schedule.ts';
import { noteUse } from '../store.ts';
import {
  changeByClock,
  setNextTurn,
  takeDueRows,
  type ClockedChange,
  type ClockedRow,
} from './clock-store.ts';

/** Pause between two looks. */
export const clockPassMs = 60_000;

const rowsMax = 200;
/** A schedule that could not be read is tried again so much later. */
const unreadableMs = 60 * 60_000;

/**
 * Does what the time has come for: schedules of sleep, idleness, and deletions that can no longer be taken back. One
 * statement when nothing is due, however many workspaces there are. Answers how many it changed.
 */
export async function runWorkspaceClock(deps: {
  database: Database;
  clock: Clock;
  log: Logger;
  /** Of the idle ones those that may fall asleep in this pass; all when absent. */
  resting?: readonly WorkspaceId[];
}): Promise<number> {
  const { database, clock, log, resting } = deps;
  let changed = 0;
  for (;;) {
    const nowMs = clock.now();
    const { rows, done } = await database.asWorker(async (tx) => {
      const due = await takeDueRows(tx, { nowMs, limit: rowsMax, resting });
      let count = 0;
      for (const row of due) if (await actOn(tx, row, { nowMs, log })) count++;
      return { rows: due.length, done: count };
    });
    changed += done;
    if (done > 0) log.info({ workspaces: done }, 'the clock changed workspaces');
    if (rows < rowsMax) return changed;
  }
}

interface Look {
  nowMs: number;
  log: Logger;
}

async function actOn(tx: Tx, row: ClockedRow, look: Look): Promise<boolean> {
  const { nowMs } = look;
  const change = row.deletionIsDue
    ? ({ kind: 'workspace.delete', by: row.deletionRequestedBy } as const)
    : row.scheduleDueAt !== null
      ? await turnOf(tx, { row, dueAt: row.scheduleDueAt, ...look })
      : idleness(row);
  if (change === null) return false;
  // Idleness is counted anew from a wake-up: else it would fall asleep again at once.
  if (change.kind === 'workspace.wake') await noteUse(tx, [row.id], nowMs);
  return changeByClock(tx, { id: row.id, nowMs, change });
}

async function turnOf(
  tx: Tx,
  { row, dueAt, nowMs, log }: Look & { row: ClockedRow; dueAt: Date },
): Promise<ClockedChange | null> {
  const { due, nextMs } = turnsOf(row, { dueMs: dueAt.getTime(), nowMs, log });
  await setNextTurn(tx, row.id, nextMs);
  if (due === null || !row.usable || row.asleep === (due.turn === 'sleep')) return null;
  return due.turn === 'sleep' ? { kind: 'workspace.sleep', reason: 'schedule' } : { kind: 'workspace.wake' };
}

/** What this server cannot read, as a time zone that it does not know, is looked at again later and holds up nobody else. */
function turnsOf(
  row: ClockedRow,
  { dueMs, nowMs, log }: Look & { dueMs: number },
): { due: ScheduledTurn | null; nextMs: number | null } {
  try {
    return { due: dueTurn(row, dueMs, nowMs), nextMs: nextTurn(row, nowMs)?.atMs ?? null };
  } catch (error) {
    log.error(
      { error, workspaceId: row.id, timeZone: row.timeZone },
      'the schedule of a workspace cannot be read',
    );
    return { due: null, nextMs: nowMs + unreadableMs };
  }
}

function idleness(row: ClockedRow): ClockedChange | null {
  return row.isIdle && row.usable ? { kind: 'workspace.sleep', reason: 'idle' } : null;
}
