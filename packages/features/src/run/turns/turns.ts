import { AppError } from '@hexabase/kernel/errors.ts';

/** Somebody who shares something with others, and how much of it they may have at once. */
export interface Share {
  key: string;
  most: number;
}

/** Who is served when more is asked for than there is. */
export interface Turns {
  /**
   * One of each share; disposing the answer gives it back. Waits for its turn behind those who asked for the same share.
   * Throws `rate_limited` after five seconds.
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
 * first share that it lacks; what is given back wakes that line and no other.
 */
export function createTurns(): Turns {
  const taken = new Map<string, number>();
  const lines = createLines();

  const lacking = (shares: readonly Share[]): Share | undefined =>
    shares.find(({ key, most }) => (taken.get(key) ?? 0) >= most);

  function occupy(shares: readonly Share[]): Disposable {
    for (const { key } of shares) taken.set(key, (taken.get(key) ?? 0) + 1);
    const turn = new DisposableStack();
    turn.defer(() => {
      for (const { key } of shares) giveBack(key);
      for (const { key } of shares) wake(key);
    });
    return turn;
  }

  const tryTake = (shares: readonly Share[]) => (lacking(shares) ? null : occupy(shares));

  function giveBack(key: string): void {
    const left = (taken.get(key) ?? 1) - 1;
    if (left > 0) taken.set(key, left);
    else taken.delete(key);
  }

  function wake(key: string): void {
    for (const waiting of lines.of(key)) {
      const turn = tryTake(waiting.shares);
      const other = turn ? undefined : lacking(waiting.shares);
      if (other?.key === key) return;
      lines.leave(key, waiting);
      if (turn) waiting.go(turn);
      else if (other) lines.stand(other.key, waiting);
    }
  }

  async function wait(shares: readonly Share[], lack: Share): Promise<Disposable> {
    const { promise, resolve, reject } = Promise.withResolvers<Disposable>();
    const waiting = { shares, go: resolve };
    const late = setTimeout(() => {
      for (const { key } of shares) lines.leave(key, waiting);
      reject(new AppError('rate_limited', { details: { retryAfterSeconds } }));
    }, waitMsMax);
    lines.stand(lack.key, waiting);
    return promise.finally(() => clearTimeout(late));
  }

  return {
    tryTake,
    async take(shares) {
      const lack = lacking(shares);
      if (lack) return wait(shares, lack);
      return occupy(shares);
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
