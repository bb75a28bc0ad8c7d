/** The value below which `share` (0 to 1) of the values lie; 0 when there are none. */
export function percentile(values: readonly number[], share: number): number {
  const sorted = values.toSorted((a, b) => a - b);
  return sorted[Math.min(sorted.length - 1, Math.floor(sorted.length * share))] ?? 0;
}

export interface Load {
  perSecond: number;
  p50Ms: number;
  p99Ms: number;
  count: number;
  /** Calls that threw; they are not in the other numbers. */
  errors: number;
}

/** Runs `call` from so many loops at once for a time, and measures each call. */
export async function measure(
  { loops, ms }: { loops: number; ms: number },
  call: (sequence: number) => Promise<unknown>,
): Promise<Load> {
  const latencies: number[] = [];
  let sequence = 0;
  let errors = 0;
  const start = performance.now();
  const loop = async (): Promise<void> => {
    while (performance.now() - start < ms) {
      const before = performance.now();
      try {
        await call(sequence++);
        latencies.push(performance.now() - before);
      } catch {
        errors++;
      }
    }
  };
  await Promise.all(Array.from({ length: loops }, loop));
  const seconds = (performance.now() - start) / 1000;
  return {
    perSecond: latencies.length / seconds,
    p50Ms: percentile(latencies, 0.5),
    p99Ms: percentile(latencies, 0.99),
    count: latencies.length,
    errors,
  };
}

export const rounded = (load: Load): Load => ({
  ...load,
  perSecond: Math.round(load.perSecond),
  p50Ms: Number(load.p50Ms.toFixed(2)),
  p99Ms: Number(load.p99Ms.toFixed(2)),
});
