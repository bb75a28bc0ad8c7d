import type { ServerResponse } from 'node:http';
import type { Duplex } from 'node:stream';

type WriteHead = Parameters<ServerResponse['writeHead']>;

/** Calls `told` with the status of an answer as soon as it is known, whoever answers, also when its client is gone. */
export function onStatus(response: ServerResponse, told: (status: number) => void): void {
  const writeHead = response.writeHead.bind(response);
  Object.assign(response, {
    writeHead(...head: WriteHead): ServerResponse {
      const answered = writeHead(...head);
      told(head[0]);
      return answered;
    },
  });
}

const statusLine = /^HTTP\/1\.1 (\d{3}) /;

/** The same for a connection that asked for an upgrade: the first that is written on it is the answer. */
export function onStatusLine(socket: Duplex, told: (status: number) => void): void {
  const { write, end } = socket;
  const look = (chunk: unknown) => {
    if (typeof chunk !== 'string' && !Buffer.isBuffer(chunk)) return;
    Object.assign(socket, { write, end });
    told(Number(statusLine.exec(String(chunk.slice(0, 16)))?.[1] ?? 0));
  };
  Object.assign(socket, {
    write(...given: unknown[]): unknown {
      look(given[0]);
      return Reflect.apply(write, socket, given);
    },
    end(...given: unknown[]): unknown {
      look(given[0]);
      return Reflect.apply(end, socket, given);
    },
  });
}
