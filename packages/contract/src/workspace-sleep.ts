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
