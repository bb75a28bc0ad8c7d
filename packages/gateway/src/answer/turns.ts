import type { IncomingMessage, ServerResponse } from 'node:http';
import type { Duplex } from 'node:stream';
import { isBodiless } from '../request-headers.ts';

/** Requests of one connection, which may come before those ahead of them are answered (RFC 9112 §9.3.2). */
export interface Turns {
  /** To be called for each request of the server, whoever answers it. */
  came(request: IncomingMessage, response: ServerResponse): void;
  /**
   * Begins when all ahead of it on its connection are answered whole: at once for one alone. Never, when the connection ends
   * before. A connection on which too many wait is closed.
   */
  begin(request: IncomingMessage, response: ServerResponse, start: () => void): void;
  /** Whether it may take its connection: it asks for that in the right way, and everything ahead of it was answered. */
  mayUpgrade(request: IncomingMessage): boolean;
}

/** No client of Kubernetes sends the next request before it has an answer. */
const waitingMax = 100;
const protocols: readonly (string | undefined)[] = ['websocket', 'spdy/3.1'];
const upgradeOption = /(?:^|,)\s*upgrade\s*(?:,|$)/i;

export function connectionTurns(): Turns {
  const newest = new WeakMap<Duplex, ServerResponse>();
  const waiting = new WeakMap<Duplex, number>();

  function isAnswered(socket: Duplex): boolean {
    const last = newest.get(socket);
    // Without its socket, what it has said waits for those ahead of it.
    return !last || last.writableFinished || (last.writableEnded && last.socket !== null);
  }

  return {
    came: ({ socket }, response) => void newest.set(socket, response),
    begin({ socket }, response, start) {
      if (response.socket !== null) return start();
      const count = (waiting.get(socket) ?? 0) + 1;
      if (count > waitingMax) {
        socket.destroy();
        return;
      }
      waiting.set(socket, count);
      response.once('socket', () => {
        waiting.set(socket, (waiting.get(socket) ?? 1) - 1);
        start();
      });
    },
    mayUpgrade: (request) => asksUpgrade(request) && isBodiless(request) && isAnswered(request.socket),
  };
}

/** For a protocol that clusters speak; of others a server takes no notice (RFC 9110 §7.8). */
export function asksUpgrade({ headers }: IncomingMessage): boolean {
  if (headers.upgrade === undefined) return false;
  return protocols.includes(headers.upgrade.toLowerCase()) && upgradeOption.test(headers.connection ?? '');
}
