import { isAppError } from '@hexabase/kernel/errors.ts';
import type { Logger } from '@hexabase/kernel/log.ts';
import { createTurns } from '@hexabase/kernel/process/turns.ts';
import type { KubeAccess, ReachableWorkspace } from '@hexabase/oidc/kube-access.ts';
import { sharesOf, type GatewayLimits, type Taker } from './limits/shares.ts';
import { Refusal, unavailable } from './refusal.ts';

export interface HoldDeps {
  access: Pick<KubeAccess, 'findWorkspace'>;
  /** Asks for a sleeping workspace to be woken; an `AppError` tells people why it may not be. */
  wake(workspaceId: string, waker: Waker): Promise<void>;
  log: Logger;
  limits: GatewayLimits;
}

/** Whose request wakes a workspace, the first of all that wait. */
export interface Waker {
  userId: string;
  /** The account and its request, as people read it. */
  words: string;
}

/** Requests that wait for their workspace to wake instead of failing. */
export interface Hold {
  /**
   * Resolves once the workspace takes requests. Many that come together ask for one wake. Throws `Refusal` 503 when it
   * takes too long, cannot be woken or too many wait, 404 when it is gone; rejects when `signal` aborts.
   */
  untilAwake(taker: Taker & Waker, signal: AbortSignal): Promise<ReachableWorkspace>;
  /** Something about the workspace changed, or about any for ''. */
  changed(workspaceId: string): void;
  /** How many wait. */
  waiting(): number;
}

/** All that wait for one workspace. */
interface Group {
  waiting: number;
  /** Ends the pause before the next look. */
  look(): void;
}

/** Changes are announced; this is for one that got lost. */
const lookEveryMs = 1_000;
/** A tenant's API server needs about so long; who comes back earlier would only wait again. */
const retryAfterSeconds = 5;

export function createHold({ access, wake, log, limits }: HoldDeps): Hold {
  const groups = new Map<string, { group: Group; awake: Promise<ReachableWorkspace> }>();
  const places = createTurns();

  async function wakeUp(
    { workspaceId, userId, words }: Taker & Waker,
    group: Group,
  ): Promise<ReachableWorkspace> {
    for (let asked = false; ; asked = true) {
      const workspace = await access.findWorkspace(workspaceId);
      if (!workspace) throw new Refusal(404, 'NotFound', { message: 'the workspace is gone' });
      if (workspace.servable) return workspace;
      if (!workspace.asleep) throw unavailable('the workspace is not active', retryAfterSeconds);
      // Again when it was put to sleep while we wait, as by its schedule.
      if (!asked || workspace.sleepWanted)
        await wake(workspaceId, { userId, words }).catch((error: unknown) => refuseWake(error, log));
      if (group.waiting === 0) throw unavailable('nobody waits any more');
      await pause(group);
    }
  }

  /** Joins those who wait already, or begins to wake. */
  function join(taker: Taker & Waker): { group: Group; awake: Promise<ReachableWorkspace> } {
    const { workspaceId } = taker;
    const known = groups.get(workspaceId);
    if (known) return known;
    const group: Group = { waiting: 0, look: () => undefined };
    const joined = { group, awake: wakeUp(taker, group) };
    groups.set(workspaceId, joined);
    const over = () => groups.delete(workspaceId);
    joined.awake.then(over, over);
    return joined;
  }

  return {
    async untilAwake(taker, signal) {
      signal.throwIfAborted();
      using place = places.tryTake(sharesOf('held', taker, limits));
      if (!place) throw unavailable('too many requests wait for a workspace to wake up', retryAfterSeconds);
      const { group, awake } = join(taker);
      group.waiting += 1;
      try {
        return await within(awake, { signal, ms: limits.heldMs });
      } finally {
        group.waiting -= 1;
        if (group.waiting === 0) group.look();
      }
    },
    changed(workspaceId) {
      if (workspaceId === '') for (const { group } of groups.values()) group.look();
      else groups.get(workspaceId)?.group.look();
    },
    waiting: () => [...groups.values()].reduce((sum, { group }) => sum + group.waiting, 0),
  };
}

function refuseWake(error: unknown, log: Logger): never {
  if (isAppError(error) && error.status < 500) throw unavailable(error.message, retryAfterSeconds);
  log.warn({ error }, 'a workspace could not be woken for a request');
  throw unavailable('the workspace is asleep and cannot be woken right now', retryAfterSeconds);
}

/** Until somebody says that there is news, or for a second. */
function pause(group: Group): Promise<void> {
  return new Promise((resolve) => {
    const timer = setTimeout(resolve, lookEveryMs);
    group.look = () => {
      clearTimeout(timer);
      resolve();
    };
  });
}

async function within<T>(promise: Promise<T>, limit: { signal: AbortSignal; ms: number }): Promise<T> {
  const settled = new AbortController();
  const { promise: over, reject } = Promise.withResolvers<never>();
  const seconds = Math.round(limit.ms / 1000);
  const late = `the workspace is being woken up and was not ready within ${seconds} s; try again`;
  const timer = setTimeout(() => reject(unavailable(late, retryAfterSeconds)), limit.ms);
  limit.signal.addEventListener('abort', () => reject(limit.signal.reason), { signal: settled.signal });
  try {
    return await Promise.race([promise, over]);
  } finally {
    clearTimeout(timer);
    settled.abort();
  }
}
