import { createServer } from 'node:http';
import { connect, type AddressInfo, type Socket } from 'node:net';
import { WebSocket, WebSocketServer } from 'ws';
import { KubeCallError, KubeRefusal } from '../../../kube-api/call-errors.ts';
import type { TunnelHost } from './tunnel.ts';

/**
 * For tests without a cluster: a host API that lists pods and forwards ports to TCP servers of this process, in the
 * framing of `v4.channel.k8s.io` as the kubelet writes it. The real one is met in `tunnel.host.test.ts`.
 */
export interface StandInHost extends AsyncDisposable {
  host: TunnelHost;
  /** Pod name → TCP port; what is missing answers 404. */
  pods: Map<string, number>;
  counts: { lists: number; forwards: number };
  /** Breaks every connection at once, as a restarted API server does. */
  cutConnections(): void;
  /** From now on nothing is sent or read on open connections, and they stay open. */
  freeze(): void;
}

export async function standInHost(): Promise<StandInHost> {
  const pods = new Map<string, number>();
  const counts = { lists: 0, forwards: 0 };
  const sockets = new Set<Socket>();
  const targets = new Set<Socket>();
  const server = createServer((_request, response) => {
    counts.lists += 1;
    const items = [...pods.keys()].map((name) => ({
      metadata: { name, creationTimestamp: '2026-01-01T00:00:00Z' },
      status: { phase: 'Running', conditions: [{ type: 'Ready', status: 'True' }] },
    }));
    response.end(JSON.stringify({ items }));
  });
  server.on('connection', (socket) => {
    sockets.add(socket);
    socket.once('close', () => sockets.delete(socket));
  });
  const upgrades = new WebSocketServer({ noServer: true });
  server.on('upgrade', (request, socket, head) => {
    counts.forwards += 1;
    const [, name = '', port = '0'] = /pods\/([^/]+)\/portforward\?ports=(\d+)/.exec(request.url ?? '') ?? [];
    const target = pods.get(name);
    if (target === undefined) {
      socket.end('HTTP/1.1 404 Not Found\r\nconnection: close\r\ncontent-length: 0\r\n\r\n');
      return;
    }
    upgrades.handleUpgrade(request, socket, head, (webSocket) => {
      const forwarded = forward(webSocket, { target, port: Number(port) });
      targets.add(forwarded);
      forwarded.once('close', () => targets.delete(forwarded));
    });
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const base = `127.0.0.1:${portOf(server)}`;
  return {
    pods,
    counts,
    host: {
      async request({ path }) {
        try {
          const response = await fetch(`http://${base}${path}`, { headers: { connection: 'close' } });
          return { status: response.status, body: await response.json() };
        } catch (cause) {
          throw new KubeCallError('unreachable', 'the host API cannot be reached', { cause });
        }
      },
      webSocket: (path, protocols) => openWebSocket(`ws://${base}${path}`, protocols),
    },
    cutConnections() {
      for (const socket of sockets) socket.resetAndDestroy();
    },
    freeze() {
      for (const socket of [...sockets, ...targets]) socket.removeAllListeners('data').pause();
    },
    async [Symbol.asyncDispose]() {
      for (const socket of [...sockets, ...targets]) socket.destroy();
      await new Promise<void>((resolve) => server.close(() => resolve()));
    },
  };
}

function forward(webSocket: WebSocket, { target, port }: { target: number; port: number }): Socket {
  const header = Buffer.from([port & 0xff, port >> 8]);
  webSocket.send(Buffer.from([0, ...header]));
  webSocket.send(Buffer.from([1, ...header]));
  const socket = connect(target, '127.0.0.1');
  socket.on('data', (chunk) => {
    socket.pause();
    webSocket.send(Buffer.concat([Buffer.from([0]), chunk]), () => socket.resume());
  });
  socket.on('drain', () => webSocket.resume());
  socket.on('error', (error) =>
    webSocket.send(Buffer.from(`\u0001failed to forward: ${error.message} (connection refused)`)),
  );
  socket.once('close', () => webSocket.close(1000));
  webSocket.on('message', (message) => {
    if (Buffer.isBuffer(message) && !socket.write(message.subarray(1))) webSocket.pause();
  });
  webSocket.once('close', () => socket.destroy());
  return socket;
}

function openWebSocket(url: string, protocols: string[]): Promise<WebSocket> {
  const webSocket = new WebSocket(url, protocols, { perMessageDeflate: false });
  return new Promise((resolve, reject) => {
    webSocket.once('open', () => {
      webSocket.pause();
      resolve(webSocket);
    });
    webSocket.once('error', (cause) => {
      reject(new KubeCallError('unreachable', 'the host API cannot be reached', { cause }));
    });
    webSocket.once('unexpected-response', (request, response) => {
      reject(new KubeRefusal('no port-forward', { status: response.statusCode ?? 0, body: null }));
      request.destroy();
    });
  });
}

export function portOf(server: { address(): string | AddressInfo | null }): number {
  const address = server.address();
  return address !== null && typeof address === 'object' ? address.port : 0;
}
