import { once } from 'node:events';
import { createServer, request as httpRequest, type IncomingMessage, type Server } from 'node:http';
import { createServer as createTlsServer, type Server as TlsServer } from 'node:https';
import { connect, type AddressInfo, type Socket } from 'node:net';
import { Duplex } from 'node:stream';
import { text } from 'node:stream/consumers';
import { makeAuthority, signServer } from '@hexabase/kernel/certificates/sign-certificates.ts';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import type { Told } from './answer/access-entry.ts';
import { followOutcome } from './answer/outcome.ts';
import { onStatusLine } from './answer/told-status.ts';
import { requestVerb } from './request-verb.ts';
import { passOn, passOnUpgrade, type PassedRequest } from './upstream.ts';
import { targetOf, type UrlUpstream } from './upstream-target.ts';

const name = 'ws-1.hexabase-ws-1';
const authority = makeAuthority([name], Date.now());

let cluster: TlsServer;
let front: Server;
let upstream: UrlUpstream;
/** Raw ends of the tunnel, as the driver would hold them. */
let tunnels: Socket[];
let serve: (request: IncomingMessage, response: import('node:http').ServerResponse) => void;
let failures: Error[];
/** With which upgrades were answered, and what became of requests. */
let statuses: number[];
let told: Told[];

beforeEach(async () => {
  tunnels = [];
  failures = [];
  statuses = [];
  told = [];
  const certificate = signServer(authority, [name], Date.now());
  serve = (_request, response) => void response.end('{}');
  cluster = createTlsServer({ cert: certificate.certPem, key: certificate.keyPem }, (request, response) =>
    serve(request, response),
  );
  cluster.on('upgrade', (_request, socket: Duplex) => {
    socket.write('HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: SPDY/3.1\r\n\r\n');
    socket.pipe(socket);
  });
  await listening(cluster);
  upstream = {
    kind: 'url',
    url: `https://${name}`,
    serverName: name,
    certificateAuthority: authority.certPem,
    connect: async () => {
      const socket = connect(portOf(cluster), '127.0.0.1');
      tunnels.push(socket);
      await once(socket, 'connect');
      return socket;
    },
  };
  const failed = (error: Error) => void failures.push(error);
  front = createServer((request, response) => {
    const { method = 'GET', url = '/' } = request;
    request.headers['audit-id'] = 'ours';
    const verb = requestVerb(method, { path: url, query: url.replace(/^[^?]*/, '') });
    const outcome = followOutcome({ request, response, verb }, (one) => void told.push(one));
    outcome.sent();
    const lost: PassedRequest['failed'] = (error, { isLost }) => {
      if (isLost) outcome.lost();
      failed(error);
    };
    passOn(upstream, { request, response, outcome, failed: lost });
  });
  front.on('upgrade', (request, socket, head) => {
    socket.on('error', () => socket.destroy());
    onStatusLine(socket, (status) => statuses.push(status));
    passOnUpgrade(upstream, { request, socket, head, failed });
  });
  await listening(front);
});

afterEach(() => {
  for (const server of [front, cluster]) {
    server.closeAllConnections();
    server.close();
  }
  for (const tunnel of tunnels) tunnel.destroy();
});

function listening(server: Server | TlsServer): Promise<void> {
  return new Promise((resolve) => server.listen(0, '127.0.0.1', resolve));
}

function portOf(server: { address(): string | AddressInfo | null }): number {
  const address = server.address();
  return address !== null && typeof address === 'object' ? address.port : 0;
}

async function send(path: string, method = 'GET', body?: string): Promise<IncomingMessage> {
  const request = httpRequest({ host: '127.0.0.1', port: portOf(front), path, method, agent: false });
  request.end(body);
  const [response] = await once(request, 'response');
  return response;
}

const said = async (answer: Promise<IncomingMessage>) => text(await answer);

let met = 0;
function meetOthers(request: IncomingMessage, count: number): void {
  for (const until = met + count; met < until; met += 1)
    targetOf({ ...upstream, url: `https://tenant-${met}.example` }, request, 'pooled');
}

describe('a cluster behind a tunnel', () => {
  it('is reached over connections that are kept, one handshake for many requests', async () => {
    for (const _ of [1, 2, 3]) expect(await said(send('/version'))).toBe('{}');
    expect(tunnels).toHaveLength(1);
  });

  it('goes on answering while very many others are met for the first time', async () => {
    const others = Promise.withResolvers<void>();
    serve = (_request, response) => {
      response.write('one ');
      void others.promise.then(() => response.end('two'));
    };
    const answer = await send('/watch');
    const body = text(answer);
    meetOthers(answer, 5_000);
    others.resolve();
    expect(await body).toBe('one two');
  });

  it('keeps its connections while it is used more often than others', async () => {
    for (const _ of [1, 2, 3]) {
      const answer = await send('/version');
      expect(await text(answer)).toBe('{}');
      meetOthers(answer, 4_000);
    }
    expect(tunnels).toHaveLength(1);
  });

  it('must show a certificate of its own authority and for its own name', async () => {
    const stranger = makeAuthority(['stranger'], Date.now());
    const right = upstream;
    for (const wrong of [{ certificateAuthority: stranger.certPem }, { serverName: 'ws-2.hexabase-ws-2' }]) {
      upstream = { ...right, ...wrong };
      const answer = await send('/version', 'POST', '{}');
      expect(answer.statusCode).toBe(503);
      expect(answer.headers['retry-after']).toBe('1');
    }
    expect(failures.map(({ message }) => message).join()).toMatch(/certificate.*altnames/s);
  });

  it('takes the newest tunnel when the driver has opened another', async () => {
    upstream = { ...upstream, connect: () => Promise.reject(new Error('this tunnel was closed')) };
    expect((await send('/version')).statusCode).toBe(503);
    upstream = { ...upstream, connect: async () => connect(portOf(cluster), '127.0.0.1') };
    expect((await send('/version')).statusCode).toBe(200);
  });

  it('is told the id under which a request is recorded, and no other is told to the client', async () => {
    let asked: unknown;
    serve = (request, response) => {
      asked = request.headersDistinct['audit-id'];
      response.writeHead(200, [
        ['Audit-Id', 'theirs'],
        ['audit-id', 'more'],
      ]);
      response.end();
    };
    const request = httpRequest({ host: '127.0.0.1', port: portOf(front), agent: false });
    request.setHeader('Audit-ID', 'chosen');
    const [answer] = await once(request.end(), 'response');
    expect(asked).toEqual(['ours']);
    expect(answer.headersDistinct['audit-id']).toEqual(['ours']);
  });

  it('has answered a change as soon as its status is there, however long the rest takes', async () => {
    const rest = Promise.withResolvers<void>();
    serve = (_request, response) => {
      response.write('begun');
      void rest.promise.then(() => response.end());
    };
    const answer = await send('/api/v1/namespaces/a/pods/b', 'DELETE');
    expect(told).toEqual([{ status: 200, stage: 'ended' }]);
    rest.resolve();
    expect(await text(answer)).toBe('begun');
    expect(told).toHaveLength(1);
  });

  it('carries an upgrade, on a connection of its own, and ends it when either side goes', async () => {
    await said(send('/version'));
    const shells: Duplex[] = [];
    for (const _ of [1, 2]) {
      const request = httpRequest({
        port: portOf(front),
        host: '127.0.0.1',
        method: 'POST',
        path: '/exec',
        headers: { connection: 'Upgrade', upgrade: 'SPDY/3.1' },
      }).end();
      const [, socket] = await once(request, 'upgrade');
      socket.write('hello');
      expect(String((await once(socket, 'data'))[0])).toBe('hello');
      shells.push(socket);
    }
    expect(tunnels).toHaveLength(3);
    shells[0]?.destroy();
    await expect.poll(() => tunnels[1]?.destroyed).toBe(true);
    tunnels[2]?.destroy();
    if (shells[1]) await once(shells[1].resume(), 'close');
  });
});

describe('an answer that tells its length', () => {
  const whole = Buffer.alloc(300_000, 'x');

  it.each([1, 2, 7, 1_000])(
    'arrives whole when the cluster sends it in pieces, at first %i bytes',
    async (first) => {
      serve = (_request, response) => {
        response.writeHead(200, { 'content-length': whole.length });
        response.write(whole.subarray(0, first), () =>
          setImmediate(() => response.end(whole.subarray(first))),
        );
      };
      expect(await said(send('/openapi/v2'))).toBe(String(whole));
      expect(await said(send('/openapi/v2'))).toBe(String(whole));
      expect(tunnels).toHaveLength(1);
    },
  );

  it.each([
    ['HEAD', 200, 2],
    ['GET', 304, 2],
    ['GET', 200, 0],
  ])('ends where there is no body: %s, %i, %i', async (method, status, length) => {
    serve = (_request, response) => void response.writeHead(status, { 'content-length': length }).end();
    for (const _ of [1, 2]) {
      const answer = await send('/version', method);
      expect(answer.statusCode).toBe(status);
      expect(answer.headers['content-length']).toBe(String(length));
      expect(await text(answer)).toBe('');
    }
    expect(tunnels).toHaveLength(1);
  });
});

describe('what a client hides in a request', () => {
  const path = '/api/v1/namespaces/shop/pods';
  const hidden = 'DELETE /api/v1/namespaces/shop/configmaps/precious HTTP/1.1\r\nX-Swallow: ';
  const chunks = `${hidden.length.toString(16)}\r\n${hidden}\r\n0\r\n\r\n`;

  /** Over a connection of their own, as no library would write it. */
  async function raw(text: string): Promise<string> {
    const socket = connect(portOf(front), '127.0.0.1');
    socket.write(text);
    const [first] = await once(socket, 'data');
    socket.destroy();
    return String(first).split('\r\n')[0] ?? '';
  }

  it.each(['GET', 'HEAD', 'DELETE', 'OPTIONS', 'POST', 'PATCH'])(
    'A19 is the body of their own %s, and never the begin of somebody else’s next request',
    async (method) => {
      const seen: string[] = [];
      serve = async (request, response) => {
        const of = `${request.method} ${request.url}`;
        response.end('{}');
        seen.push(`${of} ${(await text(request)).length}`);
      };
      const head = `${method} ${path} HTTP/1.1\r\nHost: x\r\n`;
      const length = `Content-Length: ${hidden.length}\r\n`;
      const attempts = [
        `${head}Connection: content-length\r\n${length}\r\n${hidden}`,
        `${head}Connection: keep-alive, Content-Length, transfer-encoding\r\n${length}\r\n${hidden}`,
        `${head}Transfer-Encoding: chunked\r\n\r\n${chunks}`,
        `${head}Connection: transfer-encoding\r\nTransfer-Encoding: chunked\r\n\r\n${chunks}`,
      ];
      for (const attempt of attempts) {
        expect(await raw(attempt)).toBe('HTTP/1.1 200 OK');
        expect(await said(send('/version'))).toBe('{}');
      }
      await expect.poll(() => seen.length).toBe(2 * attempts.length);
      expect(new Set(seen)).toEqual(new Set([`${method} ${path} ${hidden.length}`, 'GET /version 0']));
    },
  );
});

describe('a cluster that does not keep to HTTP', () => {
  /** Answers each request with these bytes. */
  const say = (bytes: string) => {
    cluster.removeAllListeners('request');
    cluster.on('request', (request) => void request.socket.write(bytes));
  };

  it.each([
    ['a status that there is not', 'HTTP/1.1 000 Nothing\r\nContent-Length: 2\r\n\r\n{}'],
    ['a change of protocol', 'HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: x\r\n\r\n'],
  ])('is told of as one that does not answer: %s', async (_what, bytes) => {
    say(bytes);
    const answer = await send('/version');
    expect([answer.statusCode, failures.length]).toEqual([503, 1]);
    await text(answer);
  });

  it('does not take a whole answer away by what it says behind it', async () => {
    say('HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\n{}garbage');
    expect(await said(send('/version'))).toBe('{}');
  });
});

describe('an upgrade that the cluster refuses', () => {
  const refused = async (method: string) => {
    const headers = { connection: 'Upgrade', upgrade: 'SPDY/3.1' };
    const request = httpRequest({ port: portOf(front), host: '127.0.0.1', method, path: '/exec', headers });
    request.end();
    const [response] = await once(request, 'response');
    await text(response);
    return response.statusCode;
  };

  it('is answered, and told, with the status of the cluster, and never as switched', async () => {
    cluster.removeAllListeners('upgrade');
    for (const status of [403, 404, 501, 200]) {
      serve = (_request, response) => void response.writeHead(status).end('{}');
      expect(await refused('DELETE')).toBe(status);
    }
    upstream = { ...upstream, connect: () => Promise.reject(new Error('no pod is running')) };
    expect(await refused('GET')).toBe(503);
    expect(statuses).toEqual([403, 404, 501, 200, 503]);
  });
});

describe('a slow client of an upgraded connection', () => {
  it('gets all that the cluster said before it closed', async () => {
    const last = Buffer.alloc(256 * 1024, 7);
    cluster.removeAllListeners('upgrade').on('upgrade', (_request, socket: Duplex) => {
      socket.write('HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: SPDY/3.1\r\n\r\n');
      socket.end(last);
    });
    let received = 0;
    const slow = new Duplex({
      read: () => undefined,
      writableHighWaterMark: 1024 * 1024,
      write(chunk: Buffer, _encoding, done) {
        received += chunk.length;
        setTimeout(done, 20);
      },
    });
    front.removeAllListeners('upgrade').on('upgrade', (request, _socket, head) => {
      passOnUpgrade(upstream, { request, socket: slow, head, failed: (error) => void failures.push(error) });
    });
    const headers = { connection: 'Upgrade', upgrade: 'SPDY/3.1' };
    httpRequest({ port: portOf(front), host: '127.0.0.1', path: '/exec', headers })
      .on('error', () => undefined)
      .end();
    await once(slow, 'close');
    expect(received).toBeGreaterThan(last.length);
  });
});

describe('a client that goes away', () => {
  it('takes its request and its tunnel with it', async () => {
    let gone = false;
    serve = (request, response) => {
      response.write('{"type":"ADDED"}\n');
      request.socket.once('close', () => (gone = true));
    };
    const watch = await send('/api/v1/pods?watch=true');
    await once(watch, 'data');
    watch.destroy();
    await expect.poll(() => gone).toBe(true);
    expect(tunnels[0]?.destroyed).toBe(true);
  });
});

describe('a change whose client hangs up', () => {
  const path = '/api/v1/namespaces/shop/resourcequotas/hexabase';
  const hangUp = (head: string, whenTaken: () => Promise<unknown>) =>
    new Promise<void>((resolve) => {
      const client = connect(portOf(front), '127.0.0.1', () => client.write(head));
      client.once('close', () => resolve());
      void whenTaken().then(() => client.destroy());
    });
  const taking = () => {
    const { promise, resolve } = Promise.withResolvers<() => void>();
    serve = (request, response) => {
      const answer = () => void response.writeHead(409).end('{}');
      request
        .resume()
        .once('end', () => resolve(answer))
        .once('close', () => resolve(answer));
      if (request.headers['content-length'] === '9') resolve(answer);
    };
    return promise;
  };

  it.each([
    `DELETE ${path} HTTP/1.1\r\nHost: localhost\r\n\r\n`,
    `PUT ${path} HTTP/1.1\r\nHost: localhost\r\nContent-Length: 2\r\n\r\n{}`,
  ])('goes on, and is told with the answer that the cluster gave: %s', async (head) => {
    const taken = taking();
    await hangUp(head, () => taken);
    expect(told).toEqual([]);
    (await taken)();
    await expect.poll(() => told).toEqual([{ status: 409, stage: 'ended' }]);
  });

  it('is told as lost when the cluster gives no answer either', async () => {
    const taken = taking();
    await hangUp(`DELETE ${path} HTTP/1.1\r\nHost: localhost\r\n\r\n`, () => taken);
    for (const tunnel of tunnels) tunnel.destroy();
    await expect.poll(() => told).toEqual([{ status: 503, stage: 'ended', unknown: true }]);
  });

  it('is told as unknown, and not gone on with, when not all of it came', async () => {
    const taken = taking();
    const head = `PUT ${path} HTTP/1.1\r\nHost: localhost\r\nContent-Length: 9\r\n\r\n{`;
    await hangUp(head, () => taken);
    await expect.poll(() => told).toEqual([{ status: 0, stage: 'ended', unknown: true }]);
    await expect.poll(() => tunnels[0]?.destroyed).toBe(true);
  });
});

describe('a connection that breaks', () => {
  it('is made anew for a read that met a kept connection just closing', async () => {
    await said(send('/version'));
    let requests = 0;
    serve = (request, response) => {
      requests += 1;
      if (requests === 1) request.socket.destroy();
      else response.end('{}');
    };
    expect((await send('/version')).statusCode).toBe(200);
    expect(requests).toBe(2);
  });

  it('is never used again for a change that may have been made, and the answer says so', async () => {
    await said(send('/version'));
    let requests = 0;
    serve = (request) => {
      requests += 1;
      request.resume().once('end', () => request.socket.destroy());
    };
    const answer = await send('/api/v1/namespaces', 'POST', '{"kind":"Namespace"}');
    expect(answer.statusCode).toBe(503);
    expect(answer.headers['retry-after']).toBeUndefined();
    expect(await text(answer)).toContain('may or may not have been made');
    expect(requests).toBe(1);
  });

  it('never looks whole when the cluster cuts its answer off, whether or not that told its length', async () => {
    for (const head of [{ 'content-length': '100' }, {}]) {
      serve = (_request, response) => {
        response.writeHead(200, head);
        response.write('{"items":[', () => response.destroy());
      };
      const answer = await send('/api/v1/pods');
      await expect(text(answer)).rejects.toThrow('aborted');
    }
  });

  it('takes nothing of the body before it stands, so that the client may send it again', async () => {
    upstream = { ...upstream, connect: () => Promise.reject(new Error('no pod is running')) };
    const answer = await send('/api/v1/namespaces', 'POST', '{"kind":"Namespace"}');
    expect(answer.statusCode).toBe(503);
    expect(answer.headers['retry-after']).toBe('1');
    expect(failures.map(({ message }) => message)).toEqual(['no pod is running']);
  });
});
