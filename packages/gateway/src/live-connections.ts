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
  /** Given back when it is removed. */
  place: Disposable;
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
  /**
   * Looks again at the connections of one user, or of all for ''; ends those whose session ended, whose epoch passed, or
   * whose organization asks for a second factor that was not shown. Asks once for all connections of a session to a
   * workspace, and once more for all who ask for the same while it looks.
   */
  recheck(userId: string, sessionOf: (connection: LiveConnection) => Promise<Session | null>): Promise<void>;
  /** Workspaces that somebody is connected to. */
  workspaces(): Iterable<string>;
  total(): number;
}

const sweepMs = 500;
/** Of one look: the others have questions for the database too. */
const questionsAtOnce = 8;

/** Also ends connections whose token has expired; the timer runs only while somebody is connected. */
export function liveConnections(clock: Clock): LiveConnections {
  const byUser = new Map<string, Set<LiveConnection>>();
  const byWorkspace = new Map<string, number>();
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
      byWorkspace.set(connection.workspaceId, (byWorkspace.get(connection.workspaceId) ?? 0) + 1);
      total += 1;
      timer ??= setInterval(sweep, sweepMs).unref();
    },
    remove(connection) {
      const connections = byUser.get(connection.userId);
      if (!connections?.delete(connection)) return;
      if (connections.size === 0) byUser.delete(connection.userId);
      const left = (byWorkspace.get(connection.workspaceId) ?? 1) - 1;
      if (left > 0) byWorkspace.set(connection.workspaceId, left);
      else byWorkspace.delete(connection.workspaceId);
      connection.place[Symbol.dispose]();
      total -= 1;
      if (total === 0) stopTimer();
    },
    recheck: oneAtATime((userId, sessionOf) => {
      const users = userId === '' ? [...byUser.keys()] : [userId];
      return lookAgain(
        users.flatMap((user) => [...(byUser.get(user) ?? [])]),
        sessionOf,
      );
    }),
    workspaces: () => byWorkspace.keys(),
    total: () => total,
    [Symbol.dispose]() {
      stopTimer();
      for (const connections of byUser.values()) for (const connection of connections) connection.end();
    },
  };
}

type Recheck = LiveConnections['recheck'];

/** While one looks for a user, more that begin become one that looks when it is done: it sees what they were told of. */
function oneAtATime(look: Recheck): Recheck {
  const running = new Map<string, { now: Promise<void>; next: Promise<void> | null }>();

  function start(...[userId, sessionOf]: Parameters<Recheck>): Promise<void> {
    const run: { now: Promise<void>; next: Promise<void> | null } = { now: Promise.resolve(), next: null };
    run.now = look(userId, sessionOf).finally(() => {
      if (run.next === null) running.delete(userId);
    });
    running.set(userId, run);
    return run.now;
  }

  return (userId, sessionOf) => {
    const run = running.get(userId);
    if (!run) return start(userId, sessionOf);
    const again = () => start(userId, sessionOf);
    run.next ??= run.now.then(again, again);
    return run.next;
  };
}

async function lookAgain(
  connections: readonly LiveConnection[],
  sessionOf: Parameters<Recheck>[1],
): Promise<void> {
  const alike = Map.groupBy(connections, (one) => `${one.userId} ${one.sessionId} ${one.workspaceId}`);
  // Shared by all who ask: each takes the next one.
  const left = alike.values();
  const ask = async () => {
    for (const group of left) {
      const [first] = group;
      // When nobody can say that the session lives, it is over: clients connect again, a leaver cannot.
      const session = first ? await sessionOf(first).catch(() => null) : null;
      for (const connection of group) if (!reaches(session, connection)) connection.end();
    }
  };
  await Promise.all(Array.from({ length: Math.min(questionsAtOnce, alike.size) }, ask));
}

function reaches(session: Session | null, { epoch, organizationId }: LiveConnection): boolean {
  return session?.epoch === epoch && !session.withheld.includes(organizationId);
}
