import { once } from 'node:events';
import type { IncomingMessage, ServerResponse } from 'node:http';
import { createServer, type Server } from 'node:https';
import { connect, type Socket } from 'node:net';
import { text } from 'node:stream/consumers';
import { TLSSocket } from 'node:tls';
import { makeAuthority, signClient, signServer } from '@hexabase/kernel/certificates/sign-certificates.ts';
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { WebSocketServer } from 'ws';
import { applyObject, ApplyConflictError } from './apply.ts';
import { KubeCallError, KubeRefusal } from './call-errors.ts';
import { createKubeClient, type KubeClient } from './client.ts';
import type { KubeEndpoint } from './endpoint.ts';
import { resourcePath } from './resource-path.ts';

const now = Date.now();
const authority = makeAuthority([], now);
/** For calls that are to be answered: a busy machine may stand still for seconds. */
const patientMs = 60_000;
const certificate = signServer(authority, ['127.0.0.1', 'tenant.localhost'], now);
let server: Server;
let sockets: Set<Socket>;
let port: number;
let answer: (request: IncomingMessage, response: ServerResponse) => void;

beforeAll(async () => {
  sockets = new Set();
  server = createServer(
    {
      cert: certificate.certPem,
      key: certificate.keyPem,
      ca: authority.certPem,
      requestCert: true,
      rejectUnauthorized: false,
    },
    (request, response) => answer(request, response),
  );
  server.on('secureConnection', (socket: Socket) => sockets.add(socket));
  const webSockets = new WebSocketServer({ noServer: true });
  server.on('upgrade', (request, socket, head) => {
    if (request.url === '/base/refused') {
      return socket.end(
        'HTTP/1.1 403 Forbidden\r\nconnection: close\r\ncontent-type: application/json\r\n\r\n{"kind":"Status","message":"not you","reason":"Forbidden"}',
      );
    }
    webSockets.handleUpgrade(request, socket, head, (opened) =>
      opened.on('message', (said) => opened.send(said)),
    );
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  const address = server.address();
  port = typeof address === 'object' && address ? address.port : 0;
});

beforeEach(() => {
  sockets.clear();
  answer = (_request, response) => reply(response, 200, {});
});

afterAll(() => {
  server.closeAllConnections();
  server.close();
});

function reply(response: ServerResponse, status: number, body: unknown, headers = {}): void {
  response.writeHead(status, { 'content-type': 'application/json', ...headers });
  response.end(JSON.stringify(body));
}

function client(changes: Partial<KubeEndpoint> = {}, callTimeoutMs = patientMs): KubeClient {
  return createKubeClient(
    {
      server: `https://127.0.0.1:${port}/base`,
      certificateAuthority: authority.certPem,
      credentials: { kind: 'token', token: 'mine' },
      ...changes,
    },
    { callTimeoutMs },
  );
}

describe('a call', () => {
  it('of which the answer is larger than was to be read ends, with a reason of its own', async () => {
    answer = (_request, response) => reply(response, 200, { items: ['x'.repeat(100_000)] });
    using open = client();
    const wanted = { method: 'GET', path: '/api/v1/pods' } as const;
    expect(await open.request({ ...wanted, answerBytesMax: 200_000 })).toMatchObject({ status: 200 });
    const large = open.request({ ...wanted, answerBytesMax: 50_000 });
    await expect(large).rejects.toThrow(KubeCallError);
    await expect(large).rejects.toMatchObject({ reason: 'large' });
  });

  it('carries the token, the body and its type below the path of the server, and answers JSON', async () => {
    using kube = client();
    answer = async (request, response) =>
      reply(response, 201, {
        seen: [request.method, request.url, request.headers.authorization, request.headers['content-type']],
        body: await text(request),
      });
    expect(await kube.request({ method: 'POST', path: '/api/v1/namespaces?a=b', body: { a: 1 } })).toEqual({
      status: 201,
      body: {
        seen: ['POST', '/base/api/v1/namespaces?a=b', 'Bearer mine', 'application/json'],
        body: '{"a":1}',
      },
    });
  });

  it('shows the client certificate when there is one, and no token', async () => {
    const { certPem, keyPem } = signClient(authority, { user: 'hexabase:driver', group: 'masters' }, now);
    using kube = client({ credentials: { kind: 'certificate', cert: certPem, key: keyPem } });
    answer = ({ socket, headers }, response) =>
      reply(response, 200, {
        subject: socket instanceof TLSSocket ? socket.getPeerCertificate().subject : null,
        token: headers.authorization ?? null,
      });
    const { body } = await kube.request({ method: 'GET', path: '/' });
    expect(body).toEqual({ subject: { O: 'masters', CN: 'hexabase:driver' }, token: null });
  });

  it('may take longer than usual when it says so', async () => {
    using kube = client({}, 100);
    answer = () => undefined;
    const asked = { method: 'POST', path: '/' } as const;
    await expect(kube.request(asked)).rejects.toMatchObject({ reason: 'timeout' });
    answer = (_request, response) => void setTimeout(() => reply(response, 200, {}), 400);
    expect((await kube.request({ ...asked, timeoutMs: patientMs })).status).toBe(200);
  });

  it('is one of many on one connection', async () => {
    using kube = client();
    for (let call = 0; call < 5; call++) await kube.request({ method: 'GET', path: '/' });
    expect(sockets.size).toBe(1);
  });

  it('is repeated when the kept connection had just been closed', async () => {
    using kube = client();
    await kube.request({ method: 'GET', path: '/' });
    let first = true;
    answer = ({ socket }, response) => {
      if (!first) return reply(response, 200, { again: true });
      first = false;
      if (socket instanceof TLSSocket) socket.destroy();
    };
    expect(await kube.request({ method: 'GET', path: '/' })).toEqual({ status: 200, body: { again: true } });
  });

  it('to a server with a certificate of somebody else, or of another name, says nothing to it', async () => {
    const seen: string[] = [];
    answer = ({ url }, response) => {
      seen.push(url ?? '');
      reply(response, 200, {});
    };
    for (const wrong of [
      { certificateAuthority: makeAuthority([], now).certPem },
      { certificateAuthority: null },
      { serverName: 'somebody.else' },
    ]) {
      using kube = client(wrong);
      const failed = kube.request({ method: 'GET', path: '/' });
      await expect(failed).rejects.toBeInstanceOf(KubeCallError);
      await expect(failed).rejects.toMatchObject({ reason: 'untrusted' });
    }
    using named = client({ serverName: 'tenant.localhost' });
    await named.request({ method: 'GET', path: '/named' });
    expect(seen).toEqual(['/base/named']);
  });

  it('fails with a name: nobody there, too slow, too busy, given up', async () => {
    using nobody = client({ server: 'https://127.0.0.1:1' });
    await expect(nobody.request({ method: 'GET', path: '/' })).rejects.toMatchObject({
      name: 'KubeCallError',
      reason: 'unreachable',
    });
    answer = () => undefined;
    using slow = client({}, 50);
    await expect(slow.request({ method: 'GET', path: '/' })).rejects.toMatchObject({ reason: 'timeout' });
    using kube = client();
    const giveUp = new AbortController();
    const given = kube.request({ method: 'GET', path: '/', signal: giveUp.signal });
    giveUp.abort(new Error('given up'));
    await expect(given).rejects.toThrow('given up');
    answer = (_request, response) =>
      reply(response, 429, { kind: 'Status', message: 'too many requests' }, { 'retry-after': '3' });
    await expect(kube.request({ method: 'GET', path: '/' })).rejects.toMatchObject({
      reason: 'busy',
      retryAfterMs: 3000,
      message: expect.stringContaining('too many requests'),
    });
    const date = 'Sun, 22 Nov 2026 09:00:00 GMT';
    const later = 'Sun, 22 Nov 2026 09:01:30 GMT';
    answer = (_request, response) => reply(response, 503, {}, { date, 'retry-after': later });
    await expect(kube.request({ method: 'GET', path: '/' })).rejects.toMatchObject({ retryAfterMs: 90_000 });
    answer = (_request, response) => reply(response, 503, {}, { 'retry-after': 'soon' });
    expect(await kube.request({ method: 'GET', path: '/' })).toMatchObject({ status: 503 });
  });
});

describe('over a tunnel', () => {
  it('the certificate is verified as well, connections are kept, and a tunnel that fails says so', async () => {
    let opened = 0;
    const dial = async () => {
      opened += 1;
      const socket = connect(port, '127.0.0.1');
      await once(socket, 'connect');
      return socket;
    };
    const behind = { server: 'https://tenant.localhost/base', connect: dial };
    using kube = client(behind);
    answer = ({ headers }, response) => reply(response, 200, { host: headers.host });
    for (let call = 0; call < 3; call++) {
      const { body } = await kube.request({ method: 'GET', path: '/' });
      expect(body).toEqual({ host: 'tenant.localhost' });
    }
    expect(opened).toBe(1);
    using wrong = client({ ...behind, server: 'https://somebody.else' });
    await expect(wrong.request({ method: 'GET', path: '/' })).rejects.toMatchObject({ reason: 'untrusted' });
    using broken = client({ ...behind, connect: async () => Promise.reject(new Error('no such pod')) });
    await expect(broken.request({ method: 'GET', path: '/' })).rejects.toMatchObject({
      reason: 'unreachable',
      message: expect.stringContaining('no such pod'),
    });
  });
});

describe('an open answer', () => {
  it('streams longer than a call may take, until it is given up', async () => {
    using kube = client({}, 1_000);
    let write = (_line: string): void => undefined;
    answer = (_request, response) => {
      response.writeHead(200);
      response.flushHeaders();
      write = (line) => response.write(line);
    };
    const ending = new AbortController();
    const stream = await kube.stream('/log', { signal: ending.signal });
    await new Promise((resolve) => setTimeout(resolve, 1_200));
    const line = once(stream, 'data');
    write('late\n');
    expect(String((await line)[0])).toBe('late\n');
    const closed = new Promise<void>((resolve) => stream.once('close', () => resolve()));
    stream.on('error', () => undefined);
    ending.abort();
    await closed;
  });

  it('that never begins gives up all idle connections: they may be dead as well', async () => {
    using kube = client({}, 200);
    const both = Promise.withResolvers<void>();
    let waiting = 0;
    answer = (_request, response) => {
      waiting += 1;
      if (waiting === 2) both.resolve();
      void both.promise.then(() => reply(response, 200, {}));
    };
    const read = { method: 'GET', path: '/', timeoutMs: patientMs } as const;
    await Promise.all([1, 2].map(() => kube.request(read)));
    const kept = [...sockets];
    expect(kept).toHaveLength(2);
    for (const socket of kept) socket.pause();
    await expect(kube.stream('/watch')).rejects.toMatchObject({ reason: 'timeout' });
    expect(await kube.request(read)).toMatchObject({ status: 200 });
  });

  it('that is refused rejects with the words of the API', async () => {
    using kube = client();
    answer = (_request, response) =>
      reply(response, 404, { kind: 'Status', reason: 'NotFound', message: 'pods "a" not found' });
    const refused = kube.stream('/log');
    await expect(refused).rejects.toBeInstanceOf(KubeRefusal);
    await expect(refused).rejects.toMatchObject({ status: 404, reason: 'NotFound' });
  });

  it('may be a WebSocket, with the token; a refusal has the words of the API', async () => {
    using kube = client();
    const socket = await kube.webSocket('/exec?command=id', ['v5.channel.k8s.io']);
    expect(socket.protocol).toBe('v5.channel.k8s.io');
    const echoed = once(socket, 'message');
    socket.resume();
    socket.send('hello');
    expect(String((await echoed)[0])).toBe('hello');
    socket.terminate();
    await expect(kube.webSocket('/refused', ['v5.channel.k8s.io'])).rejects.toMatchObject({
      status: 403,
      message: expect.stringContaining('not you'),
    });
  });
});

describe('server-side apply', () => {
  const deployment = {
    apiVersion: 'apps/v1',
    kind: 'Deployment',
    metadata: { name: 'web', namespace: 'shop' },
    spec: { replicas: 2 },
  };

  it('sends the fields that we decide to the object’s own address', async () => {
    using kube = client();
    let seen: unknown;
    answer = (request, response) => {
      seen = [request.method, request.url, request.headers['content-type']];
      reply(response, 200, { ...deployment, status: {} });
    };
    const applied = await applyObject(kube, deployment, { fieldManager: 'hexabase', force: true });
    expect(applied).toMatchObject({ status: {} });
    expect(seen).toEqual([
      'PATCH',
      '/base/apis/apps/v1/namespaces/shop/deployments/web?fieldManager=hexabase&force=true',
      'application/apply-patch+yaml',
    ]);
  });

  it('says who owns the fields that are in the way', async () => {
    using kube = client();
    answer = (_request, response) =>
      reply(response, 409, {
        kind: 'Status',
        reason: 'Conflict',
        message: 'Apply failed with 1 conflict',
        details: {
          causes: [
            {
              reason: 'FieldManagerConflict',
              message: 'conflict with "kubectl-edit" using apps/v1',
              field: '.spec.replicas',
            },
          ],
        },
      });
    const refused = applyObject(kube, deployment, { fieldManager: 'hexabase' });
    await expect(refused).rejects.toBeInstanceOf(ApplyConflictError);
    await expect(refused).rejects.toMatchObject({
      conflicts: [{ manager: 'kubectl-edit', field: '.spec.replicas' }],
      message: 'Deployment shop/web: these fields belong to others: .spec.replicas (kubectl-edit)',
    });
  });

  it('asks the API for kinds of its own', async () => {
    using kube = client();
    const paths: string[] = [];
    answer = ({ url }, response) => {
      paths.push(url ?? '');
      reply(response, 200, {
        resources: [
          { name: 'geese/status', kind: 'Goose', namespaced: true },
          { name: 'geese', kind: 'Goose', namespaced: true },
        ],
      });
    };
    const goose = { apiVersion: 'farm.example/v1', kind: 'Goose', metadata: { name: 'a', namespace: 'b' } };
    await applyObject(kube, goose, { fieldManager: 'hexabase' });
    expect(paths).toEqual([
      '/base/apis/farm.example/v1',
      '/base/apis/farm.example/v1/namespaces/b/geese/a?fieldManager=hexabase',
    ]);
    await expect(
      applyObject(kube, { ...goose, kind: 'Swan' }, { fieldManager: 'hexabase' }),
    ).rejects.toMatchObject({ status: 404, message: expect.stringContaining('no such kind') });
  });
});

describe('paths', () => {
  it.each([
    ['v1', 'Namespace', { name: 'a' }, '/api/v1/namespaces/a'],
    ['v1', 'Pod', { namespace: 'a' }, '/api/v1/namespaces/a/pods'],
    ['v1', 'Pod', {}, '/api/v1/pods'],
    ['v1', 'Endpoints', { namespace: 'a', name: 'b' }, '/api/v1/namespaces/a/endpoints/b'],
    ['networking.k8s.io/v1', 'NetworkPolicy', {}, '/apis/networking.k8s.io/v1/networkpolicies'],
    ['storage.k8s.io/v1', 'StorageClass', { namespace: 'x' }, '/apis/storage.k8s.io/v1/storageclasses'],
    [
      'networking.k8s.io/v1',
      'Ingress',
      { name: 'a/../b' },
      '/apis/networking.k8s.io/v1/ingresses/a%2F..%2Fb',
    ],
  ])('%s %s %o', (apiVersion, kind, key, path) => {
    expect(resourcePath(apiVersion, kind, key)).toBe(path);
  });
});
