import { Cron } from 'croner';

export interface SleepSchedule {
  sleepAt: string | null;
  wakeAt: string | null;
  /** IANA name. */
  timeZone: string;
}

export interface ScheduledTurn {
  atMs: number;
  turn: 'sleep' | 'wake';
}

/** What is wrong with a schedule, as fields of the request; empty when it is sound. */
export function scheduleProblems(schedule: SleepSchedule): { path: string; message: string }[] {
  const { timeZone } = schedule;
  if (!isTimeZone(timeZone)) return [{ path: 'timeZone', message: `there is no time zone “${timeZone}”` }];
  return (['sleepAt', 'wakeAt'] as const).flatMap((path) => {
    const cron = schedule[path];
    if (cron === null || isCron(cron, timeZone)) return [];
    return [{ path, message: 'use five fields that come true at some time, for example `0 20 * * 1-5`' }];
  });
}

/** The first turn after `afterMs`; null without a schedule. At the same moment waking wins. */
export function nextTurn(schedule: SleepSchedule, afterMs: number): ScheduledTurn | null {
  const sleep = nextMs(schedule.sleepAt, schedule.timeZone, afterMs);
  const wake = nextMs(schedule.wakeAt, schedule.timeZone, afterMs);
  if (sleep === null && wake === null) return null;
  return wake !== null && (sleep === null || wake <= sleep)
    ? { atMs: wake, turn: 'wake' }
    : { atMs: sleep ?? 0, turn: 'sleep' };
}

/**
 * The newest turn that is due, when one was due at `dueMs`: after a long pause only the last one counts. It is found by
 * halves, since somebody may have one every minute and a pause may be weeks.
 */
export function dueTurn(schedule: SleepSchedule, dueMs: number, nowMs: number): ScheduledTurn | null {
  let last = nextTurn(schedule, dueMs - 1);
  if (last === null || last.atMs > nowMs) return null;
  // None comes after this and is due.
  let endMs = nowMs;
  while (endMs - last.atMs > 1) {
    const middleMs = Math.floor((last.atMs + endMs) / 2);
    const later = nextTurn(schedule, middleMs);
    if (later !== null && later.atMs <= nowMs) last = later;
    else endMs = middleMs;
  }
  return last;
}

function nextMs(cron: string | null, timeZone: string, afterMs: number): number | null {
  if (cron === null) return null;
  const next = new Cron(cron, { timezone: timeZone, paused: true, mode: '5-part' }).nextRun(
    new Date(afterMs),
  );
  return next?.getTime() ?? null;
}

function isCron(text: string, timeZone: string): boolean {
  try {
    return nextMs(text, timeZone, 0) !== null;
  } catch {
    return false;
  }
}

function isTimeZone(name: string): boolean {
  try {
    new Intl.DateTimeFormat('en', { timeZone: name });
    return true;
  } catch {
    return false;
  }
}
