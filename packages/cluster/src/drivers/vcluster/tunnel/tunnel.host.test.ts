import { once } from 'node:events';
import { readFileSync } from 'node:fs';
import { connect, createServer, type Server, type Socket } from 'node:net';
import type { Duplex } from 'node:stream';
import { setTimeout as sleep } from 'node:timers/promises';
import { newId } from '@hexabase/kernel/id.ts';
import { hostCluster } from '@hexabase/testkit/host-cluster.ts';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { createKubeClient, type KubeClient } from '../../../kube-api/client.ts';
import { parseKubeconfig } from '../../../kube-api/endpoint.ts';
import { portOf } from './stand-in-host.ts';
import { openTunnel, type Tunnel } from './tunnel.ts';

const given = hostCluster('node');
const namespace = `tunnel-test-${newId().slice(-12)}`;
const ports = { echo: 7001, source: 7002, sink: 7003, nobody: 7009 };
const sourceBytes = 200 * 1024 * 1024;
const sinkBytes = 100 * 1024 * 1024;
const image = 'docker.io/library/busybox:1.35';
const script = [
  `nc -ll -p ${ports.echo} -e cat &`,
  `nc -ll -p ${ports.source} -e head -c ${sourceBytes} /dev/zero &`,
  `nc -ll -p ${ports.sink} -e sh -c 'head -c ${sinkBytes} | wc -c' &`,
  'wait',
].join('\n');

let host: KubeClient;
let api: Cuttable;
let opened: AsyncDisposableStack;

interface Cuttable {
  server: Server;
  connections: Set<Socket>;
}

beforeAll(async () => {
  if (given === null) return;
  opened = new AsyncDisposableStack();
  const endpoint = parseKubeconfig(readFileSync(given.kubeconfig, 'utf8'));
  const real = new URL(endpoint.server);
  api = await cuttableWay(real);
  opened.defer(() => void api.server.close());
  const server = `https://127.0.0.1:${portOf(api.server)}`;
  host = opened.use(
    createKubeClient({ ...endpoint, server, serverName: endpoint.serverName ?? real.hostname }),
  );
  await made('/api/v1/namespaces', { metadata: { name: namespace } });
  opened.defer(() => call('DELETE', `/api/v1/namespaces/${namespace}`));
  await runPod('talk-0');
});

afterAll(async () => {
  await opened?.disposeAsync();
});

/** The host's API behind connections that this test can break without harm to others. */
async function cuttableWay(real: URL): Promise<Cuttable> {
  const connections = new Set<Socket>();
  const server = createServer((inside) => {
    const outside = connect(Number(real.port || 443), real.hostname);
    for (const socket of [inside, outside]) {
      connections.add(socket);
      socket.on('error', () => undefined);
      socket.once('close', () => {
        connections.delete(socket);
        inside.destroy();
        outside.destroy();
      });
    }
    inside.pipe(outside).pipe(inside);
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  return { server, connections };
}

async function call(method: 'GET' | 'POST' | 'DELETE', path: string, body?: unknown): Promise<void> {
  await host.request({ method, path, ...(body !== undefined && { body }) });
}

async function made(path: string, object: object): Promise<void> {
  expect((await host.request({ method: 'POST', path, body: object })).status).toBe(201);
}

const pods = `/api/v1/namespaces/${namespace}/pods`;

async function runPod(name: string): Promise<void> {
  // The namespace's controller makes it a moment after the namespace.
  await until(`/api/v1/namespaces/${namespace}/serviceaccounts/default`, () => true);
  const container = { name: 'talk', image, imagePullPolicy: 'IfNotPresent', command: ['sh', '-c', script] };
  await made(pods, {
    metadata: { name, labels: { app: 'talk' } },
    spec: { terminationGracePeriodSeconds: 0, containers: [container] },
  });
  await until(`${pods}/${name}`, (body) => JSON.stringify(body).includes('"phase":"Running"'));
}

async function until(path: string, good: (body: unknown) => boolean): Promise<void> {
  for (let attempt = 1; attempt < 300; attempt += 1) {
    const { status, body } = await host.request({ method: 'GET', path });
    if (status === 200 && good(body)) return;
    await sleep(200);
  }
  throw new Error(`${path} did not become what was waited for`);
}

function tunnelTo(port: number): Tunnel {
  return opened.use(openTunnel({ host, namespace, podSelector: 'app=talk', port }));
}

async function answerTo(stream: Duplex, said: string): Promise<string> {
  stream.write(said);
  let answer = '';
  while (answer.length < said.length) answer += String((await once(stream, 'data'))[0]);
  return answer;
}

/** `nc` in the pod may take a moment to listen. */
async function echoing(tunnel: Tunnel): Promise<Duplex> {
  for (let attempt = 1; ; attempt += 1) {
    const stream = await tunnel.connect();
    try {
      expect(await answerTo(stream, 'hello')).toBe('hello');
      return stream;
    } catch (error) {
      if (attempt === 20) throw error;
      await sleep(250);
    }
  }
}

describe.skipIf(given === null)('a tunnel to a real pod', () => {
  it('carries bytes both ways', async () => {
    (await echoing(tunnelTo(ports.echo))).destroy();
  });

  it('gives 200 MB to a slow reader without holding them in memory', async () => {
    const stream = await tunnelTo(ports.source).connect();
    const before = process.memoryUsage().rss;
    let received = 0;
    let most = before;
    for await (const chunk of stream) {
      received += chunk.length;
      if (received % (4 * 1024 * 1024) < chunk.length) {
        await sleep(20);
        most = Math.max(most, process.memoryUsage().rss);
      }
    }
    expect(received).toBe(sourceBytes);
    expect(most - before).toBeLessThan(100 * 1024 * 1024);
  });

  it('takes 100 MB to the pod, each byte', async () => {
    const stream = await tunnelTo(ports.sink).connect();
    const chunk = Buffer.alloc(1024 * 1024);
    for (let sent = 0; sent < sinkBytes; sent += chunk.length) {
      if (!stream.write(chunk)) await once(stream, 'drain');
    }
    expect(String((await once(stream, 'data'))[0]).trim()).toBe(String(sinkBytes));
    stream.destroy();
  });

  it('lets fifty talk while another is not read at all', async () => {
    const stuck = await tunnelTo(ports.source).connect();
    const tunnel = tunnelTo(ports.echo);
    const talks = Array.from({ length: 50 }, async (_, index) => {
      const stream = await tunnel.connect();
      for (let turn = 0; turn < 20; turn += 1) {
        const said = `${index} ${turn}`;
        expect(await answerTo(stream, said)).toBe(said);
      }
      stream.destroy();
    });
    await Promise.all(talks);
    stuck.destroy();
    await expect.poll(() => tunnel.open()).toBe(0);
  });

  it('says that nothing listens there', async () => {
    const stream = await tunnelTo(ports.nobody).connect();
    const [error] = await once(stream.resume(), 'error');
    expect(error.message).toBe(
      `nothing listens on port ${ports.nobody} of pod ${namespace}/talk-0 yet, or no longer`,
    );
  });

  it('comes back after the host’s API cut every connection', async () => {
    const tunnel = tunnelTo(ports.echo);
    const stream = await echoing(tunnel);
    const failed = once(stream, 'error');
    for (const connection of api.connections) connection.resetAndDestroy();
    expect(String((await failed)[0])).toContain('broke');
    (await echoing(tunnel)).destroy();
  });

  it('follows when the pod is killed and another takes its place', async () => {
    const tunnel = tunnelTo(ports.echo);
    const stream = await echoing(tunnel);
    const ended = once(stream.resume(), 'close');
    stream.on('error', () => undefined);
    await call('DELETE', `${pods}/talk-0`);
    await ended;
    await runPod('talk-1');
    (await echoing(tunnel)).destroy();
  });

  it('says that no pod is there', async () => {
    const tunnel = opened.use(openTunnel({ host, namespace, podSelector: 'app=nobody', port: 1 }));
    await expect(tunnel.connect()).rejects.toThrow(`no pod of ${namespace} with app=nobody is running`);
  });
});
