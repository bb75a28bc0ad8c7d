import * as z from 'zod';
import { timestamp } from './common.ts';

/** Whether a workspace is to sleep, and when it does so by itself. */
export const sleep = z.object({
  wanted: z.boolean(),
  reason: z.enum(['asked', 'schedule', 'idle', 'deletion']).nullable(),
  sleepAt: z.string().nullable().describe('cron expression'),
  wakeAt: z.string().nullable().describe('cron expression'),
  timeZone: z.string(),
  idleMinutes: z
    .int()
    .nullable()
    .describe('it falls asleep after so long without a Kubernetes request or an unfinished Job'),
  nextAt: timestamp.nullable().describe('when the schedule acts next'),
});

/** When a workspace falls asleep or wakes, as a request says it. */
export const timing = z
  .string()
  .max(100)
  .nullable()
  .optional()
  .describe('cron expression of five fields; `never` takes it away');

const named = z.object({
  count: z.int().describe('of the first ten thousand pods or Jobs of the workspace'),
  names: z.array(z.string()).describe('`namespace/name` of the first twenty'),
});

/** What is lost when a workspace falls asleep. */
const ends = z.object({
  pods: named.describe('pods that nothing makes again'),
  jobs: named.describe(
    'Jobs that have not ended: their pods fail, and they with them where no tries are left',
  ),
});

export type SleepEnds = z.infer<typeof ends>;

export const nothingEnds: SleepEnds = { pods: { count: 0, names: [] }, jobs: { count: 0, names: [] } };

/** As an answer holds it. */
export const sleepEnds = z.object({
  ends: ends.nullable().describe('what this sleep ends and nothing brings back; null when nobody could look'),
});

/** A sentence without its full stop; null when nothing is lost. */
export function endsInWords({ pods, jobs }: SleepEnds): string | null {
  const parts = [
    ...(pods.count > 0 ? [`${counted(pods.count, 'pod')} that nothing makes again (${listed(pods)})`] : []),
    ...(jobs.count > 0
      ? [
          `${counted(jobs.count, 'Job')} that ${jobs.count === 1 ? 'has' : 'have'} not ended (${listed(jobs)})`,
        ]
      : []),
  ];
  return parts.length === 0 ? null : `This sleep ends ${parts.join(' and ')}`;
}

function counted(count: number, noun: string): string {
  return `${count} ${noun}${count === 1 ? '' : 's'}`;
}

function listed({ count, names }: z.infer<typeof named>): string {
  return names.join(', ') + (count > names.length ? ', …' : '');
}
