import type { Clock } from '@hexabase/kernel/clock.ts';
import type { Logger } from '@hexabase/kernel/log.ts';
import type { Database, Tx } from '@hexabase/postgres/database.ts';
import { dueTurn, nextTurn } from '../life-cycle/schedule.ts';
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

/**
 * Does what the time has come for: schedules of sleep, idleness, and deletions that can no longer be taken back. One
 * statement when nothing is due, however many workspaces there are. Answers how many it changed.
 */
export async function runWorkspaceClock(deps: {
  database: Database;
  clock: Clock;
  log: Logger;
}): Promise<number> {
  const { database, clock, log } = deps;
  let changed = 0;
  for (;;) {
    const nowMs = clock.now();
    const { rows, done } = await database.asWorker(async (tx) => {
      const due = await takeDueRows(tx, nowMs, rowsMax);
      let count = 0;
      for (const row of due) if (await actOn(tx, row, nowMs)) count++;
      return { rows: due.length, done: count };
    });
    changed += done;
    if (done > 0) log.info({ workspaces: done }, 'the clock changed workspaces');
    if (rows < rowsMax) return changed;
  }
}

async function actOn(tx: Tx, row: ClockedRow, nowMs: number): Promise<boolean> {
  const change = row.deletionIsDue
    ? ({ kind: 'workspace.delete', by: row.deletionRequestedBy } as const)
    : row.scheduleDueAt !== null
      ? await turnOf(tx, { row, dueAt: row.scheduleDueAt, nowMs })
      : idleness(row);
  if (change === null) return false;
  // Idleness is counted anew from a wake-up: else it would fall asleep again at once.
  if (change.kind === 'workspace.wake') await noteUse(tx, [row.id], nowMs);
  return changeByClock(tx, { id: row.id, nowMs, change });
}

async function turnOf(
  tx: Tx,
  { row, dueAt, nowMs }: { row: ClockedRow; dueAt: Date; nowMs: number },
): Promise<ClockedChange | null> {
  const due = dueTurn(row, dueAt.getTime(), nowMs);
  await setNextTurn(tx, row.id, nextTurn(row, nowMs)?.atMs ?? null);
  if (due === null || !row.usable || row.asleep === (due.turn === 'sleep')) return null;
  return due.turn === 'sleep' ? { kind: 'workspace.sleep', reason: 'schedule' } : { kind: 'workspace.wake' };
}

function idleness(row: ClockedRow): ClockedChange | null {
  return row.isIdle && row.usable ? { kind: 'workspace.sleep', reason: 'idle' } : null;
}
