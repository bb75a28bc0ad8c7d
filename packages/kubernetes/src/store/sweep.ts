import type { Clock } from '@hexabase/kernel/clock.ts';
import type { Logger } from '@hexabase/kernel/log.ts';
import type { Slots } from './cluster-slots.ts';
import type { Persistence } from './persistence.ts';

export interface SweepOptions {
  slots: Slots;
  persistence: Pick<Persistence, 'lostClusters'>;
  clock: Clock;
  log: Logger;
  idleUnloadMs: number;
}

/** Unloads what nobody has used for a while, ends what another process took over, mends what could not be read. */
export async function sweep({ slots, persistence, clock, log, idleUnloadMs }: SweepOptions): Promise<void> {
  const nowMs = clock.now();
  for (const slot of slots.all()) {
    const idle = slot.uses === 0 && slot.cluster.pending() === 0 && nowMs - slot.idleSinceMs >= idleUnloadMs;
    if (idle) slots.drop(slot);
    else slot.cluster.trim(nowMs);
  }
  const owned = new Map(slots.all().map(({ id, cluster }) => [id, cluster.epoch()]));
  const lost =
    owned.size === 0 ? [] : await persistence.lostClusters([...owned].map(([id, epoch]) => ({ id, epoch })));
  for (const id of lost) {
    const slot = slots.loaded(id);
    // Reading again in the meantime has raised the epoch itself.
    if (slot === undefined || slot.cluster.epoch() !== owned.get(id)) continue;
    log.warn({ clusterId: id }, 'the cluster has another owner now, or is gone');
    slots.drop(slot);
  }
  await Promise.all(slots.all().map(({ cluster }) => cluster.recover()));
}

/** Runs `work` again and again, never twice at once, without keeping the process alive. */
export function repeat(intervalMs: number, work: () => Promise<void>): AsyncDisposable {
  let running: Promise<void> | undefined;
  const timer = setInterval(() => {
    running ??= work().finally(() => {
      running = undefined;
    });
  }, intervalMs);
  timer.unref();
  return {
    async [Symbol.asyncDispose]() {
      clearInterval(timer);
      await running;
    },
  };
}
