/** After this many failures in a row a key is stalled: somebody should look, and it is tried only now and then. */
export const failuresBeforeStalled = 20;
export const slowLaneMs = 15 * 60_000;
export const resyncMs = 10 * 60_000;

const firstDelayMs = 1_000;
const delayMsMax = 5 * 60_000;

/**
 * Pause after the n-th failure in a row, counted from 1: full jitter over 1 s·2ⁿ⁻¹, at most 5 min, so that many keys
 * that failed together do not come back together. `random` is in [0, 1).
 */
export function backoffMs(failures: number, random: () => number): number {
  if (failures >= failuresBeforeStalled) return slowLaneMs;
  const ceiling = Math.min(delayMsMax, firstDelayMs * 2 ** (failures - 1));
  return Math.max(50, Math.floor(ceiling * random()));
}

/** Ten minutes ± 20 %. */
export function nextResyncMs(random: () => number): number {
  return Math.floor(resyncMs * (0.8 + 0.4 * random()));
}
