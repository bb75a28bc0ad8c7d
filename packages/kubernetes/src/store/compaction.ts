import type { Clock } from '@hexabase/kernel/clock.ts';
import type { Logger } from '@hexabase/kernel/log.ts';
import type { RingLimits } from './memory/change-ring.ts';
import type { Persistence } from './persistence.ts';

export interface CompactionOptions {
  persistence: Pick<Persistence, 'compact'>;
  clock: Clock;
  log: Logger;
  history: Pick<RingLimits, 'changesMin' | 'ageMsMax'>;
  intervalMs: number;
}

const rowsPerBatch = 1000;
const batchesPerRun = 100;

/** Deletes old log rows of all clusters from time to time, in small batches, so that writers hardly wait. */
export function createCompaction({ persistence, clock, log, history, intervalMs }: CompactionOptions): {
  runWhenDue(): Promise<void>;
} {
  let nextMs = clock.now() + intervalMs;
  return {
    async runWhenDue() {
      const nowMs = clock.now();
      if (nowMs < nextMs) return;
      nextMs = nowMs + intervalMs;
      let rows = 0;
      for (let batch = 0; batch < batchesPerRun; batch++) {
        const deleted = await persistence.compact({
          revisions: history.changesMin,
          beforeMs: nowMs - history.ageMsMax,
          rowsMax: rowsPerBatch,
        });
        rows += deleted;
        if (deleted === 0) break;
      }
      if (rows > 0) log.debug({ rows }, 'old changes were compacted');
    },
  };
}
