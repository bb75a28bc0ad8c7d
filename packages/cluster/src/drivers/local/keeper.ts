import type { Logger } from '@hexabase/kernel/log.ts';
import type { WorkspaceId } from '@hexabase/kernel/id.ts';

export interface Keeper extends AsyncDisposable {
  /** Keeps it as it should be from now on; when it is kept already, looks at it at once. */
  keep(workspaceId: WorkspaceId): void;
  /** Stops keeping; nothing touches it any more when this resolves. */
  release(workspaceId: WorkspaceId): Promise<void>;
  /** Why the last look failed; null when it did not. */
  problem(workspaceId: WorkspaceId): string | null;
}

interface Kept {
  ending: AbortController;
  look(): void;
  problem: string | null;
  ended: Promise<void>;
}

/** A program that crashed is started again after this long, doubled each time it crashes again. */
const firstDelayMs = 1_000;
const longestDelayMs = 60_000;
const healthyLookMs = 2_000;

/**
 * Looks at each kept control plane again and again and repairs it. What it knows is only how often a repair failed;
 * everything else is read from disk and processes each time.
 */
export function createKeeper(
  repair: (workspaceId: WorkspaceId, signal: AbortSignal) => Promise<void>,
  log: Logger,
): Keeper {
  const kept = new Map<WorkspaceId, Kept>();

  function start(workspaceId: WorkspaceId): Kept {
    const ending = new AbortController();
    const bell = createBell(ending.signal);
    const one: Kept = { ending, look: bell.ring, problem: null, ended: Promise.resolve() };
    one.ended = (async () => {
      for (let failures = 0; !ending.signal.aborted;) {
        try {
          await repair(workspaceId, ending.signal);
          [failures, one.problem] = [0, null];
        } catch (error) {
          if (ending.signal.aborted) return;
          failures += 1;
          one.problem = error instanceof Error ? error.message : String(error);
          log.warn({ workspaceId, error, failures }, 'the control plane could not be repaired; trying again');
        }
        const delayMs = Math.min(longestDelayMs, firstDelayMs * 2 ** (failures - 1));
        await bell.wait(failures === 0 ? healthyLookMs : delayMs);
      }
    })();
    return one;
  }

  async function release(workspaceId: WorkspaceId): Promise<void> {
    const one = kept.get(workspaceId);
    one?.ending.abort();
    await one?.ended;
    if (kept.get(workspaceId) === one) kept.delete(workspaceId);
  }

  return {
    keep(workspaceId) {
      const one = kept.get(workspaceId);
      if (one && !one.ending.signal.aborted) one.look();
      else kept.set(workspaceId, start(workspaceId));
    },
    release,
    problem: (workspaceId) => kept.get(workspaceId)?.problem ?? null,
    async [Symbol.asyncDispose]() {
      await Promise.all([...kept.keys()].map(release));
    },
  };
}

/** A wait that can be cut short; a ring between two waits is not lost. */
function createBell(signal: AbortSignal) {
  let rung = false;
  let wake = (): void => undefined;
  const ring = (): void => {
    rung = true;
    wake();
  };
  signal.addEventListener('abort', ring);
  return {
    ring,
    async wait(ms: number): Promise<void> {
      if (!rung) {
        await new Promise<void>((resolve) => {
          const timer = setTimeout(resolve, ms);
          wake = () => {
            clearTimeout(timer);
            resolve();
          };
        });
      }
      rung = false;
    },
  };
}
