import { AppError } from '../errors.ts';

/** Somebody who shares something with others, and how much of it they may have at once. */
export interface Share {
  key: string;
  most: number;
  /** How many may wait that ask for it; without it as many as come. */
  waiting?: number;
}

/** Who is served when more is asked for than there is. */
export interface Turns {
  /**
   * One of each share; disposing the answer gives it back. Waits for its turn behind those who asked for the same share.
   * Throws `rate_limited` after five seconds, and at once where too many wait.
   */
  take(shares: readonly Share[]): Promise<Disposable>;
  /** The same without waiting: null when one of them is used up. */
  tryTake(shares: readonly Share[]): Disposable | null;
}

interface Waiting {
  shares: readonly Share[];
  go(turn: Disposable): void;
}

const waitMsMax = 5_000;
const retryAfterSeconds = 2;

/**
 * Whoever has all of their share waits for themselves, and for nobody else's. A waiting request stands in the line of the
 * first share that it lacks; what is given back wakes that line and no other. Name one's own shares first and what all have
 * together last.
 */
export function createTurns(): Turns {
  const taken = createCounts();
  const waiting = createCounts();
  const lines = createLines();

  const lacking = (shares: readonly Share[]): Share | undefined =>
    shares.find(({ key, most }) => taken.of(key) >= most);

  function occupy(shares: readonly Share[]): Disposable {
    taken.add(shares, 1);
    const turn = new DisposableStack();
    turn.defer(() => {
      taken.add(shares, -1);
      // Those who waited for others come before those who waited for themselves.
      for (const { key } of shares.toReversed()) wake(key);
    });
    return turn;
  }

  const tryTake = (shares: readonly Share[]) => (lacking(shares) ? null : occupy(shares));

  function wake(key: string): void {
    for (const one of lines.of(key)) {
      const turn = tryTake(one.shares);
      const other = turn ? undefined : lacking(one.shares);
      if (other?.key === key) return;
      lines.leave(key, one);
      if (turn) one.go(turn);
      else if (other) lines.stand(other.key, one);
    }
  }

  async function wait(shares: readonly Share[], lack: Share): Promise<Disposable> {
    if (shares.some(({ key, waiting: most = Infinity }) => waiting.of(key) >= most)) throw tooMany();
    const { promise, resolve, reject } = Promise.withResolvers<Disposable>();
    const one = { shares, go: resolve };
    const late = setTimeout(() => {
      for (const { key } of shares) lines.leave(key, one);
      reject(tooMany());
    }, waitMsMax);
    waiting.add(shares, 1);
    lines.stand(lack.key, one);
    try {
      return await promise;
    } finally {
      clearTimeout(late);
      waiting.add(shares, -1);
    }
  }

  return {
    tryTake,
    async take(shares) {
      const lack = lacking(shares);
      return lack ? wait(shares, lack) : occupy(shares);
    },
  };
}

function tooMany(): AppError {
  return new AppError('rate_limited', { details: { retryAfterSeconds } });
}

function createCounts() {
  const counts = new Map<string, number>();
  return {
    of: (key: string): number => counts.get(key) ?? 0,
    add(shares: readonly Share[], by: number): void {
      for (const { key } of shares) {
        const count = (counts.get(key) ?? 0) + by;
        if (count > 0) counts.set(key, count);
        else counts.delete(key);
      }
    },
  };
}

function createLines() {
  const lines = new Map<string, Set<Waiting>>();
  return {
    of: (key: string): Iterable<Waiting> => lines.get(key) ?? [],
    stand(key: string, waiting: Waiting): void {
      const line = lines.get(key) ?? new Set();
      lines.set(key, line.add(waiting));
    },
    leave(key: string, waiting: Waiting): void {
      const line = lines.get(key);
      line?.delete(waiting);
      if (line?.size === 0) lines.delete(key);
    },
  };
}
