import { Cron } from 'croner';

/** When a CronJob runs: the five-field syntax of cron, in a time zone (IANA name; UTC by default). */
export interface Schedule {
  /** The first time after `afterMs`; undefined when there is none. */
  next(afterMs: number): number | undefined;
}

/** Parses a schedule; undefined when schedule or time zone cannot be understood. */
export function parseSchedule(text: string, timeZone: string | undefined): Schedule | undefined {
  const every = /^@every\s+(.+)$/.exec(text.trim());
  if (every) {
    const periodMs = durationMs(every[1] ?? '');
    return periodMs === undefined
      ? undefined
      : { next: (afterMs) => Math.floor(afterMs / 1000) * 1000 + periodMs };
  }
  try {
    const cron = new Cron(text, { timezone: timeZone ?? 'UTC', paused: true });
    return { next: (afterMs) => cron.nextRun(new Date(afterMs))?.getTime() };
  } catch {
    return undefined;
  }
}

/** The newest time after `fromMs` and not after `nowMs`, and how many there were (counted up to 100). */
export function latestMissed(
  schedule: Schedule,
  fromMs: number,
  nowMs: number,
): { atMs: number | undefined; missed: number } {
  let atMs: number | undefined;
  let missed = 0;
  for (let next = schedule.next(fromMs); next !== undefined && next <= nowMs; next = schedule.next(next)) {
    atMs = next;
    missed++;
    // Long pauses of frequent schedules: walking every run would take too long, so jump to the end.
    if (missed === 100) next = Math.max(next, nowMs - (next - fromMs) / 50);
  }
  return { atMs, missed };
}

function durationMs(text: string): number | undefined {
  const units: Record<string, number> = { h: 3_600_000, m: 60_000, s: 1000 };
  const parts = [...text.matchAll(/(\d+(?:\.\d+)?)([hms])/g)];
  const total = parts.reduce((sum, [, amount, unit]) => sum + Number(amount) * (units[unit ?? 's'] ?? 0), 0);
  return total >= 1000 && parts.map(([whole]) => whole).join('') === text.trim() ? total : undefined;
}
