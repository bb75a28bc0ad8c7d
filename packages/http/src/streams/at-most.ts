/** Runs what it is given in order, so many at once; the others wait. */
export function atMost(most: number): <T>(work: () => Promise<T>) => Promise<T> {
  const waiting: (() => void)[] = [];
  let running = 0;
  return async (work) => {
    if (running >= most) await new Promise<void>((go) => waiting.push(go));
    else running += 1;
    try {
      return await work();
    } finally {
      // Whoever waits takes the place over, so that nobody who comes now is before them.
      const next = waiting.shift();
      if (next) next();
      else running -= 1;
    }
  };
}
