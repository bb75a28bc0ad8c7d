import { once } from 'node:events';
import { createServer as createHttpsServer } from 'node:https';
import { createServer, type Server, type Socket } from 'node:net';
import type { Duplex } from 'node:stream';
import { setTimeout as sleep } from 'node:timers/promises';
import { makeAuthority, signServer } from '@hexabase/kernel/certificates/sign-certificates.ts';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { createKubeClient } from '../../../kube-api/client.ts';
import { portOf, standInHost, type StandInHost } from './stand-in-host.ts';
import { openTunnel } from './tunnel.ts';

const megabyte = 1024 * 1024;
/** What sockets and streams on the way may hold together; far below what is sent. */
const onTheWayMax = 24 * megabyte;

let api: StandInHost;
let opened: AsyncDisposableStack;

beforeEach(async () => {
  opened = new AsyncDisposableStack();
  api = opened.use(await standInHost());
});

afterEach(() => opened.disposeAsync());

/** A TCP server in a “pod” of that name. */
async function pod(name: string, serve: (socket: Socket) => void): Promise<Server> {
  const server = createServer((socket) => {
    socket.on('error', () => socket.destroy());
    serve(socket);
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  api.pods.set(name, portOf(server));
  opened.defer(() => void server.close());
  return server;
}

const echo = (socket: Socket) => void socket.pipe(socket);
const tunnelTo = (podSelector = 'app=vcluster', pingMs?: number) =>
  opened.use(
    openTunnel({
      host: api.host,
      namespace: 'ws',
      podSelector,
      port: 8443,
      ...(pingMs !== undefined && { pingMs }),
    }),
  );

async function answerTo(stream: Duplex, said: string): Promise<string> {
  stream.write(said);
  const [chunk] = await once(stream, 'data');
  return String(chunk);
}

describe('a tunnel', () => {
  it('carries bytes both ways, on as many connections as are asked for', async () => {
    await pod('vc-0', echo);
    const tunnel = tunnelTo();
    const streams = await Promise.all(Array.from({ length: 20 }, () => tunnel.connect()));
    const answers = await Promise.all(streams.map((stream, index) => answerTo(stream, `hello ${index}`)));
    expect(answers).toEqual(streams.map((_, index) => `hello ${index}`));
    expect(api.counts.lists).toBe(1);
    expect(tunnel.open()).toBe(20);
  });

  it('ends when the pod ends the connection, after everything it said', async () => {
    await pod('vc-0', (socket) => socket.end('the last words'));
    const stream = await tunnelTo().connect();
    const said: Buffer[] = [];
    for await (const chunk of stream) said.push(chunk);
    expect(Buffer.concat(said).toString()).toBe('the last words');
  });

  it('lets the pod know when our side gives up', async () => {
    let ended = 0;
    await pod('vc-0', (socket) => void socket.once('close', () => (ended += 1)).resume());
    const tunnel = tunnelTo();
    const first = await tunnel.connect();
    const second = await tunnel.connect();
    first.destroy();
    second.resume().end('bye');
    await expect.poll(() => ended).toBe(2);
    await expect.poll(() => tunnel.open()).toBe(0);
  });

  it('says in a sentence that nothing listens in the pod', async () => {
    const server = await pod('vc-0', echo);
    server.close();
    const stream = await tunnelTo().connect();
    const [error] = await once(stream.resume(), 'error');
    expect(error.message).toBe('nothing listens on port 8443 of pod ws/vc-0 yet, or no longer');
  });
});

describe('a slow reader', () => {
  it('stops the pod that sends 200 MB instead of filling memory', async () => {
    const total = 200 * megabyte;
    let sent = 0;
    await pod('vc-0', (socket) => {
      const chunk = Buffer.alloc(64 * 1024, 7);
      const more = () => {
        while (sent < total) {
          sent += chunk.length;
          if (!socket.write(chunk)) return;
        }
        socket.end();
      };
      socket.on('drain', more);
      more();
    });
    const stream = await tunnelTo().connect();
    let received = 0;
    let ahead = 0;
    for await (const chunk of stream) {
      received += chunk.length;
      if (received % (8 * megabyte) < chunk.length) await sleep(5);
      ahead = Math.max(ahead, sent - received);
    }
    expect(received).toBe(total);
    expect(ahead).toBeLessThan(onTheWayMax);
  });

  it('in the pod stops our writer', async () => {
    let received = 0;
    await pod('vc-0', (socket) => {
      socket.on('data', (chunk) => {
        received += chunk.length;
        if (received % (8 * megabyte) < chunk.length) {
          socket.pause();
          setTimeout(() => socket.resume(), 5);
        }
      });
    });
    const stream = await tunnelTo().connect();
    const chunk = Buffer.alloc(megabyte, 7);
    let ahead = 0;
    for (let sent = 0; sent < 100 * megabyte; sent += chunk.length) {
      if (!stream.write(chunk)) await once(stream, 'drain');
      ahead = Math.max(ahead, sent - received);
    }
    await expect.poll(() => received).toBe(100 * megabyte);
    expect(ahead).toBeLessThan(onTheWayMax);
  });
});

describe('when the way breaks', () => {
  it('an open connection fails, and the next one is made anew', async () => {
    await pod('vc-0', echo);
    const tunnel = tunnelTo();
    const stream = await tunnel.connect();
    const failed = once(stream.resume(), 'error');
    api.cutConnections();
    expect(String((await failed)[0])).toContain('the tunnel to port 8443 of pod ws/vc-0 broke');
    expect(await answerTo(await tunnel.connect(), 'again')).toBe('again');
  });

  it('a read that was on a kept connection is asked again on a new one', async () => {
    const authority = makeAuthority([], Date.now());
    const { certPem: cert, keyPem: key } = signServer(authority, ['tenant.localhost'], Date.now());
    let seen = 0;
    const tenant = createHttpsServer({ cert, key }, (_request, response) => {
      seen += 1;
      if (seen === 2) api.cutConnections();
      else response.end(`answer ${seen}`);
    });
    await new Promise<void>((resolve) => tenant.listen(0, '127.0.0.1', resolve));
    opened.defer(() => (tenant.closeAllConnections(), void tenant.close()));
    api.pods.set('vc-0', portOf(tenant));
    const tunnel = tunnelTo();
    using client = createKubeClient({
      server: 'https://tenant.localhost',
      certificateAuthority: authority.certPem,
      credentials: { kind: 'token', token: 'mine' },
      connect: () => tunnel.connect(),
    });
    const read = { method: 'GET', path: '/version' } as const;
    expect(await client.request(read)).toEqual({ status: 200, body: 'answer 1' });
    expect(await client.request(read)).toEqual({ status: 200, body: 'answer 3' });
  });

  it('finds the pod that took the place of the one it knew', async () => {
    await pod('vc-0', echo);
    const tunnel = tunnelTo();
    (await tunnel.connect()).destroy();
    api.pods.delete('vc-0');
    await pod('vc-1', echo);
    expect(await answerTo(await tunnel.connect(), 'moved')).toBe('moved');
  });

  it('waits a little for a pod that is about to come, and gives up with a sentence', async () => {
    const tunnel = tunnelTo();
    const early = tunnel.connect();
    await pod('vc-0', echo);
    expect(await answerTo(await early, 'early')).toBe('early');
    api.pods.clear();
    await expect(tunnel.connect()).rejects.toThrow('no pod of ws with app=vcluster is running');
  });

  it('notices that the other side is gone without a word', async () => {
    await pod('vc-0', echo);
    const stream = await tunnelTo('app=vcluster', 50).connect();
    expect(await answerTo(stream, 'here')).toBe('here');
    const failed = once(stream, 'error');
    api.freeze();
    const [error] = await failed;
    expect(String(error.cause)).toContain('nothing was heard');
  });

  it('closing the tunnel ends its connections and answers no more', async () => {
    await pod('vc-0', echo);
    const tunnel = tunnelTo();
    const stream = await tunnel.connect();
    await tunnel[Symbol.asyncDispose]();
    expect(stream.destroyed).toBe(true);
    await expect(tunnel.connect()).rejects.toThrow('the tunnel was closed');
  });
});
