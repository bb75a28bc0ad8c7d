import { once } from 'node:events';
import { connect } from 'node:tls';

export interface Target {
  port: number;
  /** PEM of the authority to trust. */
  ca: string;
  token: string;
}

export interface Answer {
  status: number;
  body: Buffer;
}

export interface Connection extends Disposable {
  /** One request at a time. */
  request(method: string, path: string, body?: string): Promise<Answer>;
}

/**
 * A TLS connection that speaks just enough HTTP/1.1: the load generator shares the machine with the server, so each
 * microsecond that a comfortable client takes would be missing in the server's figures.
 */
export async function openConnection({ port, ca, token }: Target): Promise<Connection> {
  const socket = connect({
    host: '127.0.0.1',
    port,
    ca,
    servername: 'localhost',
    ALPNProtocols: ['http/1.1'],
  });
  await once(socket, 'secureConnect');
  socket.setNoDelay(true);
  const head = `host: localhost\r\nauthorization: Bearer ${token}\r\naccept: application/json\r\n`;
  let received: Buffer[] = [];
  let size = 0;
  let enough = 0;
  let waiting: { resolve(answer: Answer): void; reject(error: Error): void } | undefined;
  socket.on('data', (chunk: Buffer) => {
    received.push(chunk);
    size += chunk.length;
    // A long list comes in thousands of pieces: looking at all of it at each would take quadratic time.
    if (size < enough || (enough === Infinity && !chunk.subarray(-5).equals(lastChunk))) return;
    const data = received.length === 1 ? chunk : Buffer.concat(received);
    enough = sizeOf(data);
    if (enough === 0) return;
    if (enough === Infinity ? !data.subarray(-5).equals(lastChunk) : size < enough) return;
    [received, size, enough] = [[], 0, 0];
    waiting?.resolve({
      status: Number(data.toString('latin1', 9, 12)),
      body: data.subarray(data.indexOf('\r\n\r\n') + 4),
    });
  });
  socket.on('close', () => waiting?.reject(new Error('The server closed the connection.')));
  socket.on('error', (error) => waiting?.reject(error));
  return {
    request(method, path, body) {
      const length =
        body === undefined
          ? ''
          : `content-type: application/json\r\ncontent-length: ${Buffer.byteLength(body)}\r\n`;
      return new Promise((resolve, reject) => {
        waiting = { resolve, reject };
        socket.write(`${method} ${path} HTTP/1.1\r\n${head}${length}\r\n${body ?? ''}`);
      });
    },
    [Symbol.dispose]: () => socket.destroy(),
  };
}

/** Of the whole answer in bytes; Infinity when it ends with an empty chunk; 0 while the head is not complete. */
function sizeOf(data: Buffer): number {
  const end = data.indexOf('\r\n\r\n');
  if (end < 0) return 0;
  const length = /\r\ncontent-length: (\d+)/i.exec(data.toString('latin1', 0, end))?.[1];
  return length === undefined ? Infinity : end + 4 + Number(length);
}

const lastChunk = Buffer.from('0\r\n\r\n');
