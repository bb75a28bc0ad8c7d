import { once } from 'node:events';
import { createServer } from 'node:net';
import type { Duplex } from 'node:stream';
import { setTimeout as sleep } from 'node:timers/promises';
import { AppError } from '@hexabase/kernel/errors.ts';
import { newId, type WorkspaceId } from '@hexabase/kernel/id.ts';
import { expect, test, vi } from 'vitest';
import { KubeCallError, KubeRefusal } from '../../kube-api/call-errors.ts';
import type { KubeClient } from '../../kube-api/client.ts';
import type { Upstream } from '../../port.ts';
import { tenantAccess } from './access.ts';
import { portOf, standInHost } from './tunnel/stand-in-host.ts';

const pem = Buffer.from('-----BEGIN CERTIFICATE-----').toString('base64');
const kubeconfig = JSON.stringify({
  'current-context': 'c',
  clusters: [{ name: 'c', cluster: { server: 'https://localhost:8443', 'certificate-authority-data': pem } }],
  users: [{ name: 'u', user: { token: 't' } }],
  contexts: [{ name: 'c', context: { cluster: 'c', user: 'u' } }],
});

/** A host whose every tenant is one TCP server that says back what it hears. */
async function accessTo(stack: AsyncDisposableStack) {
  const server = createServer((socket) => void socket.on('error', () => socket.destroy()).pipe(socket));
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  stack.defer(() => void server.close());
  const standIn = stack.use(await standInHost());
  standIn.pods.set('vc-0', portOf(server));
  const objects: Record<string, unknown> = {
    services: { metadata: { uid: '1' }, spec: { clusterIP: '10.0.0.7' } },
    secrets: { data: { config: Buffer.from(kubeconfig).toString('base64') } },
  };
  const state: { failure: Error | null; isSilent: boolean; looks: number } = {
    failure: null,
    isSilent: false,
    looks: 0,
  };
  const host: KubeClient = {
    endpoint: {
      server: 'https://host',
      certificateAuthority: null,
      credentials: { kind: 'token', token: '' },
    },
    async request(request) {
      state.looks += 1;
      if (state.failure) throw state.failure;
      // As the client: what it was given to give up with is what it ends with.
      if (state.isSilent) await sleep(60_000, undefined, { signal: request.signal }).catch(() => undefined);
      request.signal?.throwIfAborted();
      const [, kind = ''] = /\/(services|secrets)\//.exec(request.path) ?? [];
      return kind === '' ? standIn.host.request(request) : { status: 200, body: objects[kind] };
    },
    stream: () => Promise.reject(new Error('nothing is streamed from the host')),
    webSocket: (path, protocols) => standIn.host.webSocket(path, [...protocols]),
    [Symbol.dispose]: () => undefined,
  };
  let nowMs = 0;
  const access = stack.use(tenantAccess({ host, reach: 'tunnel', clock: { now: () => nowMs } }));
  return {
    state,
    pass: (ms: number) => (nowMs += ms),
    upstreamOf: (id: WorkspaceId) => access.upstreamOf(id),
    sixMinutesPass: () => (nowMs += 6 * 60_000),
  };
}

async function connectionTo(upstream: Upstream): Promise<Duplex> {
  if (upstream.kind !== 'url' || !upstream.connect) throw new Error('there is no tunnel');
  return upstream.connect();
}

async function answerTo(stream: Duplex, said: string): Promise<string> {
  stream.write(said);
  const [chunk] = await once(stream, 'data');
  return String(chunk);
}

test('who follows a log for long is not cut off when another tenant is asked for; what nobody uses is closed', async () => {
  await using stack = new AsyncDisposableStack();
  const { upstreamOf, sixMinutesPass } = await accessTo(stack);
  const [followed, other] = [newId<'Workspace'>(), newId<'Workspace'>()];
  const upstream = await upstreamOf(followed);
  const stream = await connectionTo(upstream);
  sixMinutesPass();
  await upstreamOf(other);
  expect(await answerTo(stream, 'still there')).toBe('still there');
  stream.destroy();
  await once(stream, 'close');
  sixMinutesPass();
  await upstreamOf(other);
  await expect(connectionTo(upstream)).rejects.toThrow('the tunnel was closed');
});

test('a tenant that was idle is not opened anew for the one who asks for it', async () => {
  await using stack = new AsyncDisposableStack();
  const { upstreamOf, sixMinutesPass } = await accessTo(stack);
  const id = newId<'Workspace'>();
  const upstream = await upstreamOf(id);
  sixMinutesPass();
  expect(await upstreamOf(id)).toBe(upstream);
  expect(await answerTo(await connectionTo(upstream), 'hello')).toBe('hello');
});

test('a tenant that was reached goes on being reached while its host answers no questions, and is not asked for each time', async () => {
  await using stack = new AsyncDisposableStack();
  const { upstreamOf, state, pass } = await accessTo(stack);
  const id = newId<'Workspace'>();
  const upstream = await upstreamOf(id);
  for (const failure of [
    new KubeCallError('busy', 'too many requests', { retryAfterMs: 1_000 }),
    new KubeCallError('timeout', 'no answer'),
    new KubeRefusal('services', { status: 500, body: 'no leader' }),
  ]) {
    state.failure = failure;
    pass(31_000);
    expect(await upstreamOf(id)).toBe(upstream);
    const { looks } = state;
    expect(await upstreamOf(id)).toBe(upstream);
    expect(state.looks).toBe(looks);
    await expect(upstreamOf(newId<'Workspace'>())).rejects.toBe(failure);
  }
  pass(6_000);
  state.failure = null;
  const { looks } = state;
  expect(await upstreamOf(id)).toBe(upstream);
  expect(state.looks).toBeGreaterThan(looks);
});

test('a tenant goes on being reached while its host says nothing at all, which nobody but the first one waits for', async () => {
  const timeout = AbortSignal.timeout.bind(AbortSignal);
  using _ = vi.spyOn(AbortSignal, 'timeout').mockImplementation((ms) => timeout(ms / 50));
  await using stack = new AsyncDisposableStack();
  const { upstreamOf, state, pass } = await accessTo(stack);
  const id = newId<'Workspace'>();
  const upstream = await upstreamOf(id);
  state.isSilent = true;
  pass(31_000);
  expect(await upstreamOf(id)).toBe(upstream);
  await expect(upstreamOf(newId<'Workspace'>())).rejects.toMatchObject({ reason: 'timeout' });
  pass(6_000);
  const { looks } = state;
  const late = sleep(100, 'waited');
  expect(await Promise.race([upstreamOf(id), late])).toBe(upstream);
  expect(state.looks).toBeGreaterThan(looks);
});

test('a tenant is reached no more as soon as a host that was silent refuses us', async () => {
  await using stack = new AsyncDisposableStack();
  const { upstreamOf, state, pass } = await accessTo(stack);
  const id = newId<'Workspace'>();
  const upstream = await upstreamOf(id);
  state.failure = new KubeCallError('timeout', 'no answer');
  pass(31_000);
  expect(await upstreamOf(id)).toBe(upstream);
  state.failure = new KubeRefusal('services', { status: 403, body: 'no' });
  pass(6_000);
  await upstreamOf(id);
  await sleep(0);
  await expect(upstreamOf(id)).rejects.toBe(state.failure);
  await expect(upstreamOf(id)).rejects.toBe(state.failure);
});

test('a tenant is reached no more when its host refuses us, or is another cluster', async () => {
  await using stack = new AsyncDisposableStack();
  const { upstreamOf, state, pass } = await accessTo(stack);
  const id = newId<'Workspace'>();
  await upstreamOf(id);
  for (const failure of [
    new KubeRefusal('services', { status: 403, body: 'no' }),
    new AppError('cluster_unavailable', { message: 'another cluster' }),
  ]) {
    state.failure = failure;
    pass(31_000);
    await expect(upstreamOf(id)).rejects.toBe(failure);
  }
});
