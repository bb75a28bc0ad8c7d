import { execFile, spawnSync } from 'node:child_process';
import { createHash, randomBytes } from 'node:crypto';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import type { IncomingMessage } from 'node:http';
import { Agent, createServer, request as httpsRequest, type Server } from 'node:https';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { text } from 'node:stream/consumers';
import { TLSSocket } from 'node:tls';
import { promisify } from 'node:util';
import type { Upstream } from '@hexabase/cluster/port.ts';
import { createGateway, type Gateway } from '@hexabase/gateway/gateway.ts';
import { systemClock } from '@hexabase/kernel/clock.ts';
import { AppError } from '@hexabase/kernel/errors.ts';
import { newId } from '@hexabase/kernel/id.ts';
import { silentLogger } from '@hexabase/kernel/log.ts';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { loadCertificates, type AuthorityKeeper, type Certificates } from './load-certificates.ts';

const workspaceId = newId<'Workspace'>();
const token = 'the-only-good-token';
/** Each has one of its own. */
const anew: AuthorityKeeper = { keep: async (choose) => choose(null) };
const bigBody = randomBytes(3_000_000);

let dir: string;
let certificates: Certificates;
let gateway: Gateway;
let front: Server;
let cluster: Server;
let upstream: Upstream;
let seen: { headers: IncomingMessage['headers']; clientCertificate: boolean }[] = [];

beforeAll(async () => {
  dir = await mkdtemp(join(tmpdir(), 'hks-gateway-'));
  certificates = await loadCertificates({ dir, authorities: anew, hosts: [], clock: systemClock });
  cluster = await makeCluster();
  upstream = {
    kind: 'url',
    url: `https://localhost:${portOf(cluster)}/base`,
    certificateAuthority: certificates.caPem,
  };
  gateway = await createGateway({
    access: {
      verify: async (given, id) => {
        if (given !== token || id !== workspaceId) throw new AppError('unauthenticated');
        const now = Math.floor(Date.now() / 1000);
        const times = { iat: now, exp: now + 900, jti: 'j' };
        return {
          ...times,
          iss: 'i',
          sub: 'ada',
          aud: `ws:${id}`,
          sid: 's',
          typ: 'kube',
          email: 'ada@example.test',
          email_verified: true,
          groups: [],
          ep: 0,
        };
      },
      session: async () => ({ epoch: 0, withheld: [] }),
      findWorkspace: async (id) => ({ id, organizationId: 'acme', servable: true, asleep: false }),
      onWorkspaceChange: async () => ({ [Symbol.asyncDispose]: async () => undefined }),
      noteUse: async () => undefined,
      onRevocation: async () => ({ [Symbol.asyncDispose]: async () => undefined }),
    },
    driver: { upstream: async () => upstream },
    audit: { write: async () => undefined },
    clock: systemClock,
    log: silentLogger,
  });
  front = await listening(
    createServer({
      cert: certificates.certPem,
      key: certificates.keyPem,
      shouldUpgradeCallback: gateway.upgrades,
    }),
  );
  front.on('request', (request, response) => gateway.handle(request, response));
  front.on('upgrade', (request, socket, head) => gateway.upgrade(request, socket, head));
});

afterAll(async () => {
  await gateway?.[Symbol.asyncDispose]();
  for (const server of [front, cluster]) {
    server?.closeAllConnections();
    server?.close();
  }
  await rm(dir, { recursive: true, force: true });
});

/** Stands for a vCluster's API server: another process behind TLS, which asks clients for certificates as they do. */
async function makeCluster(): Promise<Server> {
  const server = createServer({
    cert: certificates.certPem,
    key: certificates.keyPem,
    requestCert: true,
    rejectUnauthorized: false,
  });
  server.on('request', (request, response) => {
    const { socket } = request;
    seen.push({
      headers: request.headers,
      clientCertificate: socket instanceof TLSSocket && Object.keys(socket.getPeerCertificate()).length > 0,
    });
    if (request.url === '/base/big') return response.end(bigBody);
    if (request.url === '/base/echo') return request.pipe(response);
    if (request.url?.startsWith('/base/api/v1/pods?watch')) return response.write('{"type":"ADDED"}\n');
    response.setHeader('content-type', 'application/json');
    response.end(JSON.stringify({ gitVersion: 'v1.34.0', url: request.url }));
  });
  server.on('upgrade', (_request, socket) => {
    socket.write('HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: echo\r\n\r\n');
    socket.pipe(socket);
  });
  return listening(server);
}

function listening(server: Server): Promise<Server> {
  return new Promise((resolve) => server.listen(0, '127.0.0.1', () => resolve(server)));
}

function portOf(server: Server): number {
  const address = server.address();
  return address !== null && typeof address === 'object' ? address.port : 0;
}

function open(
  path: string,
  {
    method = 'GET',
    headers = {},
    body,
  }: { method?: string; headers?: Record<string, string>; body?: Buffer } = {},
) {
  return new Promise<IncomingMessage>((resolve, reject) => {
    const request = httpsRequest({
      host: 'localhost',
      port: portOf(front),
      path: `/k8s/workspaces/${workspaceId}${path}`,
      method,
      headers: { authorization: `Bearer ${token}`, ...headers },
      ca: certificates.caPem,
      agent: new Agent({ keepAlive: false }),
    });
    request.on('response', resolve);
    request.on('error', reject);
    request.end(body);
  });
}

async function sha256(stream: AsyncIterable<Buffer>): Promise<string> {
  const hash = createHash('sha256');
  for await (const chunk of stream) hash.update(chunk);
  return hash.digest('hex');
}

describe('a cluster behind an address', () => {
  it('gets the user’s token, no cookie, no hop-by-hop header and never a client certificate', async () => {
    seen = [];
    const answer = await open('/version?a=b', {
      headers: { cookie: 'session=1', te: 'trailers', 'x-forwarded-for': '1.2.3.4' },
    });
    expect(JSON.parse(await text(answer))).toMatchObject({ url: '/base/version?a=b' });
    expect(seen).toHaveLength(1);
    expect(seen[0]?.headers.authorization).toBe(`Bearer ${token}`);
    expect(seen[0]?.headers.host).toBe(`localhost:${portOf(cluster)}`);
    expect(Object.keys(seen[0]?.headers ?? {})).not.toEqual(expect.arrayContaining(['cookie']));
    expect(JSON.stringify(seen[0]?.headers)).not.toMatch(/trailers|1\.2\.3\.4/);
    expect(seen[0]?.clientCertificate).toBe(false);
  });

  it('streams megabytes in both directions unchanged', async () => {
    const expected = createHash('sha256').update(bigBody).digest('hex');
    expect(await sha256(await open('/big'))).toBe(expected);
    expect(await sha256(await open('/echo', { method: 'POST', body: bigBody }))).toBe(expected);
  });

  it('sends each event of a watch at once, and loses the connection when the client goes', async () => {
    const watch = await open('/api/v1/pods?watch=true');
    const first = await new Promise((resolve) => watch.once('data', (chunk) => resolve(String(chunk))));
    expect(first).toBe('{"type":"ADDED"}\n');
    expect(gateway.stats().connections).toBe(1);
    watch.destroy();
    await expect.poll(() => gateway.stats().connections).toBe(0);
  });

  it('carries upgraded connections', async () => {
    const socket = await new Promise<import('node:stream').Duplex>((resolve, reject) => {
      const request = httpsRequest({
        host: 'localhost',
        port: portOf(front),
        path: `/k8s/workspaces/${workspaceId}/api/v1/namespaces/a/pods/b/exec`,
        headers: { authorization: `Bearer ${token}`, connection: 'Upgrade', upgrade: 'SPDY/3.1' },
        ca: certificates.caPem,
        agent: false,
      });
      request.on('upgrade', (_response, upgraded) => resolve(upgraded));
      request.on('error', reject);
      request.end();
    });
    const echoed = new Promise((resolve) => socket.once('data', (chunk) => resolve(String(chunk))));
    socket.write('hello');
    expect(await echoed).toBe('hello');
    socket.destroy();
  });

  it('answers 503 in Kubernetes’ words when it cannot be reached or shows a certificate of somebody else', async () => {
    const before = upstream;
    const stranger = await loadCertificates({
      dir: join(dir, 'stranger'),
      authorities: anew,
      hosts: [],
      clock: systemClock,
    });
    for (const wrong of [
      { ...before, url: 'https://localhost:1/' },
      { ...before, certificateAuthority: stranger.caPem },
    ]) {
      upstream = wrong;
      const answer = await open('/version');
      expect(answer.statusCode).toBe(503);
      expect(JSON.parse(await text(answer))).toMatchObject({ kind: 'Status', reason: 'ServiceUnavailable' });
    }
    upstream = before;
  });

  const hasKubectl = spawnSync('kubectl', ['--help'], { stdio: 'ignore' }).error === undefined;
  it.skipIf(!hasKubectl)('is reached by kubectl, which understands our refusals', async () => {
    await writeFile(join(dir, 'ca.pem'), certificates.caPem);
    const kubectl = (bearer: string, ...args: string[]) =>
      promisify(execFile)(
        'kubectl',
        [
          '--kubeconfig=/dev/null',
          `--cache-dir=${join(dir, 'cache')}`,
          `--certificate-authority=${join(dir, 'ca.pem')}`,
          `--token=${bearer}`,
          `--server=https://localhost:${portOf(front)}/k8s/workspaces/${workspaceId}`,
          'version',
          '--output=json',
          ...args,
        ],
        { timeout: 20_000 },
      );
    expect((await kubectl(token)).stdout).toContain('v1.34.0');
    await expect(kubectl(token, '--as=viewer')).rejects.toThrow(/Error from server \(Forbidden\)/);
    await expect(kubectl('wrong')).rejects.toThrow(/You must be logged in to the server|Unauthorized/);
  });
});
