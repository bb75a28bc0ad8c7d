import type { IncomingHttpHeaders, IncomingMessage } from 'node:http';
import { request as httpsRequest, type Agent, type RequestOptions } from 'node:https';
import { text } from 'node:stream/consumers';
import { WebSocket } from 'ws';
import type { TenantClient, TenantRequest, TenantResponse } from '../port.ts';
import { KubeCallError, KubeRefusal } from './call-errors.ts';
import type { KubeEndpoint } from './endpoint.ts';
import { isUntrusted, saidBy } from './tls-failure.ts';
import { tlsAgent } from './tls-agent.ts';

/** One Kubernetes API over HTTPS, with connections that are kept and certificates that are always verified. */
export interface KubeClient extends TenantClient, Disposable {
  readonly endpoint: KubeEndpoint;
  /**
   * One call, whatever the API answers. `body` is parsed JSON, or text when the answer is something else. Rejects with
   * `KubeCallError` when no usable answer came, and with the signal's reason when it aborts.
   */
  request(request: TenantRequest): Promise<TenantResponse>;
  /** An open answer (a watch, a log); rejects with `KubeRefusal` unless it is a success. `signal` also ends it later. */
  stream(path: string, options?: { signal?: AbortSignal }): Promise<IncomingMessage>;
  /** An open WebSocket (exec, attach, port-forward), paused: listen, then `resume()`. Rejects with `KubeRefusal` when the API refuses. */
  webSocket(path: string, protocols: readonly string[]): Promise<WebSocket>;
}

export interface KubeClientOptions {
  /** Milliseconds that one call may take, and that an open answer may take to begin. Default 10,000. */
  callTimeoutMs?: number;
}

const answerBytesMax = 64 * 1024 * 1024;
const refusalBytesMax = 64 * 1024;

/** Opens nothing yet; connections are made at the first call and closed by disposing the client. */
export function createKubeClient(
  endpoint: KubeEndpoint,
  { callTimeoutMs = 10_000 }: KubeClientOptions = {},
): KubeClient {
  const { agent, url, headers, open } = channelTo(endpoint);
  return {
    endpoint,
    async request(request) {
      const limit = withLimit(request.signal, request.timeoutMs ?? callTimeoutMs);
      return answeredOrExplained({ ...limit, host: url('').host }, async () => {
        const answer = await open({ ...request, signal: limit.signal });
        const body = await bodyOf(answer, request.answerBytesMax ?? answerBytesMax);
        const response = { status: answer.statusCode ?? 0, body };
        refuseBusy(answer, response, request);
        return response;
      }).catch(afterTimeout(agent));
    },
    async stream(path, { signal } = {}) {
      const limit = withLimit(signal, callTimeoutMs);
      return answeredOrExplained({ ...limit, host: url('').host }, async () => {
        const answer = await open({ method: 'GET', path, signal: limit.signal });
        limit.begun();
        if ((answer.statusCode ?? 0) < 300) return answer;
        const response = { status: answer.statusCode ?? 0, body: await bodyOf(answer, refusalBytesMax) };
        refuseBusy(answer, response, { method: 'GET', path });
        throw new KubeRefusal(`GET ${path}`, response);
      }).catch(afterTimeout(agent));
    },
    async webSocket(path, protocols) {
      const limit = withLimit(undefined, callTimeoutMs);
      return answeredOrExplained({ ...limit, host: url('').host }, () =>
        openWebSocket(url(path), [...protocols], {
          agent,
          // The kubelet has no JSON to offer here and would answer 406.
          headers: { ...headers(), accept: '*/*' },
          handshakeTimeout: callTimeoutMs,
          perMessageDeflate: false,
        }),
      ).catch(afterTimeout(agent));
    },
    [Symbol.dispose]: () => agent.destroy(),
  };
}

function channelTo(endpoint: KubeEndpoint) {
  const { credentials } = endpoint;
  const agent = tlsAgent({
    ...endpoint,
    ...(credentials.kind === 'certificate' && { cert: credentials.cert, key: credentials.key }),
  });
  const base = new URL(endpoint.server);
  const url = (path: string) => new URL(base.origin + base.pathname.replace(/\/$/, '') + path);
  const headers = () => ({
    accept: 'application/json',
    'user-agent': 'hexabase',
    ...(credentials.kind === 'token' && { authorization: `Bearer ${credentials.token}` }),
  });
  const open = (request: TenantRequest): Promise<IncomingMessage> => {
    const all = { ...headers(), ...bodyHeaders(request) };
    return openAnswer(url(request.path), { agent, method: request.method, headers: all }, request);
  };
  return { agent, url, headers, open };
}

function bodyHeaders({ method, body, contentType }: TenantRequest): Record<string, string> {
  if (body === undefined) return {};
  return {
    'content-type': contentType ?? (method === 'PATCH' ? 'application/merge-patch+json' : 'application/json'),
    // Node sends a DELETE's body without any framing otherwise: it is not read, and spoils the connection.
    'content-length': String(Buffer.byteLength(bodyText(body))),
  };
}

function openAnswer(url: URL, options: RequestOptions, request: TenantRequest): Promise<IncomingMessage> {
  return new Promise((resolve, reject) => {
    const outgoing = httpsRequest(url, { ...options, signal: request.signal });
    outgoing.once('response', resolve);
    outgoing.once('error', (error) => {
      // The server closed a kept connection just as it was used again; a read may simply be repeated.
      const stale = outgoing.reusedSocket && 'code' in error && error.code === 'ECONNRESET';
      if (stale && request.method === 'GET') openAnswer(url, options, request).then(resolve, reject);
      else reject(error);
    });
    outgoing.end(request.body === undefined ? undefined : bodyText(request.body));
  });
}

/** Text is sent as it is: it is YAML, or JSON that somebody has written already. */
function bodyText(body: unknown): string {
  return typeof body === 'string' ? body : JSON.stringify(body);
}

async function bodyOf(answer: IncomingMessage, bytesMax: number): Promise<unknown> {
  let bytes = 0;
  answer.on('data', (chunk: Buffer) => {
    bytes += chunk.length;
    if (bytes > bytesMax)
      answer.destroy(new KubeCallError('large', `the answer is larger than ${bytesMax} bytes`));
  });
  const said = await text(answer);
  if (!(answer.headers['content-type'] ?? '').startsWith('application/json')) return said;
  return JSON.parse(said);
}

function openWebSocket(
  url: URL,
  protocols: string[],
  options: ConstructorParameters<typeof WebSocket>[2],
): Promise<WebSocket> {
  const socket = new WebSocket(url, protocols, options);
  return new Promise((resolve, reject) => {
    socket.once('open', () => {
      // What arrives together with the 101 would be lost before the caller listens.
      socket.pause();
      resolve(socket);
    });
    socket.once('error', reject);
    socket.once('unexpected-response', (_request, answer) => {
      bodyOf(answer, refusalBytesMax)
        .then((body) => reject(new KubeRefusal(url.pathname, { status: answer.statusCode ?? 0, body })))
        .catch(reject)
        .finally(() => socket.terminate());
    });
  });
}

/** An API server that is full says when to come again (API Priority and Fairness). */
function refuseBusy(
  answer: IncomingMessage,
  { status, body }: TenantResponse,
  { method, path }: TenantRequest,
): void {
  const retryAfterMs = retryAfterIn(answer.headers);
  if ((status !== 429 && status !== 503) || retryAfterMs === null) return;
  const { message } = new KubeRefusal(`${method} ${path}`, { status, body });
  throw new KubeCallError('busy', message, { retryAfterMs });
}

/** Seconds, or a time, as what stands in front of an API server may say it; it is counted by the sender's own clock. */
function retryAfterIn({ 'retry-after': said, date }: IncomingHttpHeaders): number | null {
  if (said === undefined || said.trim() === '') return null;
  const seconds = Number(said);
  const ms = Number.isNaN(seconds) ? Date.parse(said) - Date.parse(date ?? '') : seconds * 1000;
  return Number.isNaN(ms) ? null : Math.max(0, ms);
}

/** Where one connection is dead without a word the idle ones may be as well: none of them is used again. */
function afterTimeout(agent: Agent) {
  return (error: unknown): never => {
    const idle = Object.values(agent.freeSockets).flatMap((sockets) => sockets ?? []);
    if (error instanceof KubeCallError && error.reason === 'timeout')
      for (const socket of idle) socket.destroy();
    throw error;
  };
}

interface Limit {
  /** Aborts when the caller's does, and when the time is over. */
  signal: AbortSignal;
  given: AbortSignal | undefined;
  timeout: AbortSignal;
  /** The answer has begun; from now on it may take as long as it likes. */
  begun(): void;
}

function withLimit(given: AbortSignal | undefined, timeoutMs: number): Limit {
  const timeout = new AbortController();
  const timer = setTimeout(() => timeout.abort(), timeoutMs);
  return {
    signal: AbortSignal.any([timeout.signal, ...(given ? [given] : [])]),
    given,
    timeout: timeout.signal,
    begun: () => clearTimeout(timer),
  };
}

/** Runs the call under its limit and gives every failure its name. */
async function answeredOrExplained<T>(
  { given, timeout, begun, host }: Limit & { host: string },
  call: () => Promise<T>,
): Promise<T> {
  try {
    given?.throwIfAborted();
    return await call();
  } catch (cause) {
    if (given?.aborted === true) throw given.reason;
    if (cause instanceof KubeCallError || cause instanceof KubeRefusal) throw cause;
    if (timeout.aborted) throw new KubeCallError('timeout', `${host} did not answer in time`, { cause });
    throw explained(cause, host);
  } finally {
    begun();
  }
}

function explained(cause: unknown, host: string): KubeCallError {
  const { code, words } = saidBy(cause);
  return isUntrusted(cause)
    ? new KubeCallError('untrusted', `the certificate of ${host} is not to be trusted: ${words}`, {
        cause,
      })
    : new KubeCallError('unreachable', `${host} cannot be reached: ${words || code}`, { cause });
}
