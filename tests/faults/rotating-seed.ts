const dayMs = 86_400_000;

/**
 * What does not fit into one run is sampled, and another part comes every day. `HKS_TEST_SEED` repeats a day; test names
 * say which seed they ran under.
 */
export function rotatingSeed(parts: number): number {
  return Number(process.env['HKS_TEST_SEED'] || Math.floor(Date.now() / dayMs)) % parts;
}

/** `HKS_TEST_ALL=1` runs every part: longer than a run of all tests should take. */
export const runsAll = process.env['HKS_TEST_ALL'] === '1';
