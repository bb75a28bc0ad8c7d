/**
 * Milliseconds of the same call made in several ways, in turn, so that whatever else the machine does meets all alike. Each
 * call gets a text that no other has.
 */
export async function inTurn(
  { rounds, warmUpRounds }: { rounds: number; warmUpRounds: number },
  ways: readonly ((unique: string) => Promise<unknown>)[],
): Promise<number[][]> {
  const taken = ways.map((): number[] => []);
  for (let round = -warmUpRounds; round < rounds; round += 1) {
    for (const [index, call] of ways.entries()) {
      const begun = performance.now();
      await call(`name ${round} ${index}`);
      if (round >= 0) taken[index]?.push(performance.now() - begun);
    }
  }
  return taken;
}
