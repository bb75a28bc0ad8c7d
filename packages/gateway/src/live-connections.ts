import type { Clock } from '@hexabase/kernel/clock.ts';

/** A request or an upgraded connection that is being served. */
export interface LiveConnection {
  userId: string;
  sessionId: string;
  workspaceId: string;
  organizationId: string;
  /** The revocation epoch in its token. */
  epoch: number;
  /** Milliseconds since the epoch. */
  expiresAtMs: number;
  longRunning: boolean;
  end(): void;
}

/** What a session reaches now. */
interface Session {
  epoch: number;
  /** Organizations that ask for a second factor, which it was started without. */
  withheld: readonly string[];
}

/** Who is connected right now, so that a revocation finds them. */
export interface LiveConnections extends Disposable {
  add(connection: LiveConnection): void;
  remove(connection: LiveConnection): void;
  /** Short requests and long-running ones of a workspace. */
  count(workspaceId: string): { short: number; long: number };
  /**
   * Looks again at the connections of one user, or of all for ''; ends those whose session ended, whose epoch passed, or
   * whose organization asks for a second factor that was not shown.
   */
  recheck(userId: string, sessionOf: (connection: LiveConnection) => Promise<Session | null>): Promise<void>;
  /** Workspaces that somebody is connected to. */
  workspaces(): Iterable<string>;
  total(): number;
}

const sweepMs = 500;

/** Also ends connections whose token has expired; the timer runs only while somebody is connected. */
export function liveConnections(clock: Clock): LiveConnections {
  const byUser = new Map<string, Set<LiveConnection>>();
  const counts = new Map<string, { short: number; long: number }>();
  let total = 0;
  let timer: NodeJS.Timeout | null = null;

  function sweep(): void {
    const now = clock.now();
    for (const connections of byUser.values()) {
      for (const connection of connections) if (connection.expiresAtMs <= now) connection.end();
    }
  }

  function stopTimer(): void {
    if (timer) clearInterval(timer);
    timer = null;
  }

  return {
    add(connection) {
      const connections = byUser.get(connection.userId) ?? new Set();
      byUser.set(connection.userId, connections.add(connection));
      const count = counts.get(connection.workspaceId) ?? { short: 0, long: 0 };
      count[connection.longRunning ? 'long' : 'short'] += 1;
      counts.set(connection.workspaceId, count);
      total += 1;
      timer ??= setInterval(sweep, sweepMs).unref();
    },
    remove(connection) {
      const connections = byUser.get(connection.userId);
      if (!connections?.delete(connection)) return;
      if (connections.size === 0) byUser.delete(connection.userId);
      const count = counts.get(connection.workspaceId);
      if (count) {
        count[connection.longRunning ? 'long' : 'short'] -= 1;
        if (count.short + count.long === 0) counts.delete(connection.workspaceId);
      }
      total -= 1;
      if (total === 0) stopTimer();
    },
    count: (workspaceId) => counts.get(workspaceId) ?? { short: 0, long: 0 },
    async recheck(userId, sessionOf) {
      const users = userId === '' ? [...byUser.keys()] : [userId];
      const connections = users.flatMap((user) => [...(byUser.get(user) ?? [])]);
      await Promise.all(
        connections.map(async (connection) => {
          // When nobody can say that the session lives, it is over: clients connect again, a leaver cannot.
          const session = await sessionOf(connection).catch(() => null);
          if (!reaches(session, connection)) connection.end();
        }),
      );
    },
    workspaces: () => counts.keys(),
    total: () => total,
    [Symbol.dispose]() {
      stopTimer();
      for (const connections of byUser.values()) for (const connection of connections) connection.end();
    },
  };
}

function reaches(session: Session | null, { epoch, organizationId }: LiveConnection): boolean {
  return session?.epoch === epoch && !session.withheld.includes(organizationId);
}
