import { once } from 'node:events';
import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import { connect, type Socket } from 'node:net';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { connectionTurns, type Turns } from './turns.ts';

let turns: Turns;
let server: Server;
let begun: string[];
let upgraded: string[];
/** Those that were begun and are not answered. */
let open: Map<string, ServerResponse>;
let sockets: Socket[];

beforeEach(async () => {
  turns = connectionTurns();
  begun = [];
  upgraded = [];
  sockets = [];
  open = new Map();
  server = createServer({ shouldUpgradeCallback: turns.mayUpgrade }, (request, response) => {
    turns.came(request, response);
    turns.begin(request, response, () => void serve(request, response));
  });
  server.on('upgrade', (request, socket) => {
    upgraded.push(request.url ?? '');
    socket.end('HTTP/1.1 101 Switching Protocols\r\n\r\n');
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
});

afterEach(() => {
  for (const socket of sockets) socket.destroy();
  server.closeAllConnections();
  server.close();
});

/** Answers with the body; what is under `/open` stays so. */
async function serve(request: IncomingMessage, response: ServerResponse): Promise<void> {
  const url = request.url ?? '';
  begun.push(url);
  if (url.startsWith('/open')) {
    open.set(url, response);
    response.write('begun');
    return;
  }
  let body = '';
  for await (const chunk of request) body += String(chunk);
  response.end(`<${body}>`);
}

function client() {
  const address = server.address();
  const port = address !== null && typeof address === 'object' ? address.port : 0;
  const socket = connect(port, '127.0.0.1');
  sockets.push(socket);
  let said = '';
  socket.on('error', () => undefined).on('data', (chunk) => (said += String(chunk)));
  return { socket, said: () => said };
}

const asked = (line: string, more = '') => `${line} HTTP/1.1\r\nHost: x\r\n${more}\r\n`;
const upgrade = (protocol: string) => `Connection: Upgrade\r\nUpgrade: ${protocol}\r\n`;

describe('requests behind each other on one connection', () => {
  it('begin when those ahead are answered whole, in order', async () => {
    const { socket, said } = client();
    socket.write(asked('GET /open') + asked('DELETE /a') + asked('DELETE /b'));
    await expect.poll(said).toContain('begun');
    // Another connection is served whole meanwhile.
    const other = client();
    other.socket.write(asked('GET /other'));
    await expect.poll(other.said).toContain('<>');
    expect(begun).toEqual(['/open', '/other']);
    open.get('/open')?.end();
    await expect.poll(() => begun).toEqual(['/open', '/other', '/a', '/b']);
    await expect.poll(() => said().match(/HTTP\/1\.1 200/g)?.length).toBe(3);
  });

  it('never begin when the connection ends before', async () => {
    const { socket, said } = client();
    socket.write(asked('GET /open') + asked('DELETE /a'));
    await expect.poll(said).toContain('begun');
    const closed = once(open.get('/open') ?? socket, 'close');
    socket.destroy();
    await closed;
    const later = client();
    later.socket.write(asked('GET /later'));
    await expect.poll(later.said).toContain('<>');
    expect(begun).toEqual(['/open', '/later']);
  });

  it('are as many as may wait; with more the connection is closed', async () => {
    const { socket, said } = client();
    socket.write(asked('GET /open') + asked('DELETE /a').repeat(100));
    await expect.poll(said).toContain('begun');
    const closed = once(socket, 'close');
    socket.write(asked('DELETE /a'));
    await closed;
    expect(begun).toEqual(['/open']);
  });
});

describe('an upgrade', () => {
  it.each(['websocket', 'WebSocket', 'SPDY/3.1'])(
    'to %s takes a connection on which all was answered',
    async (name) => {
      const { socket, said } = client();
      socket.write(asked('GET /a'));
      await expect.poll(said).toContain('<>');
      socket.write(asked('GET /up', upgrade(name)));
      await expect.poll(said).toContain('101 Switching');
      expect(upgraded).toEqual(['/up']);
    },
  );

  it('behind what is not answered takes none, and is a request whose turn comes', async () => {
    const { socket, said } = client();
    socket.write(asked('GET /open') + asked('GET /up', upgrade('websocket')));
    await expect.poll(said).toContain('begun');
    expect([begun, upgraded]).toEqual([['/open'], []]);
    open.get('/open')?.end();
    await expect.poll(() => begun).toEqual(['/open', '/up']);
    expect(upgraded).toEqual([]);
  });

  it.each(['h2c', 'x', 'TLS/1.0', 'websocket, h2c'])(
    'to %s is a request as any other, with its body',
    async (name) => {
      const { socket, said } = client();
      socket.write(asked('POST /a', `${upgrade(name)}Content-Length: 4\r\n`));
      socket.write('body');
      await expect.poll(said).toContain('<body>');
      expect(upgraded).toEqual([]);
    },
  );

  it('with a body takes none', async () => {
    const { socket, said } = client();
    socket.write(`${asked('POST /a', `${upgrade('websocket')}Content-Length: 4\r\n`)}body`);
    await expect.poll(said).toContain('<body>');
    expect(upgraded).toEqual([]);
  });
});
