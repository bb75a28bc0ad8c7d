import type { IncomingMessage, ServerResponse } from 'node:http';
import { Agent, request as httpsRequest, type RequestOptions } from 'node:https';
import { pipeline } from 'node:stream';
import type { Duplex } from 'node:stream';
import type { Upstream } from '@hexabase/cluster/port.ts';
import { sendRefusal, sendRefusalOnSocket, unavailable } from './refusal.ts';

type UrlUpstream = Extract<Upstream, { kind: 'url' }>;

export interface UpgradeRequest {
  request: IncomingMessage;
  socket: Duplex;
  head: Buffer;
}

/** Headers that belong to one hop (RFC 9110 §7.6.1). `transfer-encoding` is set anew by node. */
const hopByHop = new Set([
  'connection',
  'keep-alive',
  'proxy-connection',
  'te',
  'trailer',
  'transfer-encoding',
  'upgrade',
  'host',
]);

/** One pool of connections per address and authority; a driver answers with new objects but few values. */
const agents = new Map<string, Agent>();
const agentsMax = 5_000;

/** Serves a request from a handler in this process, or streams it to an API server and back. */
export function passOn(upstream: Upstream, request: IncomingMessage, response: ServerResponse): void {
  if (upstream.kind === 'handler') {
    upstream.handle(request, response);
    return;
  }
  const outgoing = httpsRequest({ ...target(upstream, request), headers: forwardable(upstream, request) });
  outgoing.on('response', (answer) => {
    response.writeHead(answer.statusCode ?? 502, answer.statusMessage, withoutHops(answer.rawHeaders));
    // Watches send small events that must not wait for more.
    response.flushHeaders();
    pipeline(answer, response, () => undefined);
  });
  outgoing.on('error', () =>
    sendRefusal(response, unavailable('the cluster of this workspace does not answer')),
  );
  response.once('close', () => outgoing.destroy());
  // Not `pipeline`: it would close the client's connection before a refusal could be sent on it.
  request.pipe(outgoing);
}

/** The same for exec, attach and port-forward. */
export function passOnUpgrade(upstream: Upstream, { request, socket, head }: UpgradeRequest): void {
  if (upstream.kind === 'handler') {
    upstream.upgrade(request, socket, head);
    return;
  }
  const headers = [
    ...forwardable(upstream, request),
    'connection',
    'Upgrade',
    'upgrade',
    request.headers.upgrade ?? '',
  ];
  const outgoing = httpsRequest({ ...target(upstream, request), headers, agent: false });
  outgoing.on('upgrade', (answer, upstreamSocket, upstreamHead) => {
    socket.write(`HTTP/1.1 101 Switching Protocols\r\n${headerLines(answer.rawHeaders)}\r\n`);
    if (upstreamHead.length > 0) socket.write(upstreamHead);
    if (head.length > 0) upstreamSocket.write(head);
    upstreamSocket.on('error', () => socket.destroy());
    upstreamSocket.once('close', () => socket.destroy());
    socket.once('close', () => upstreamSocket.destroy());
    upstreamSocket.pipe(socket).pipe(upstreamSocket);
  });
  outgoing.on('response', (answer) => {
    const lines = headerLines(withoutHops(answer.rawHeaders));
    socket.write(
      `HTTP/1.1 ${answer.statusCode ?? 502} ${answer.statusMessage ?? ''}\r\nconnection: close\r\n${lines}\r\n`,
    );
    pipeline(answer, socket, () => undefined);
  });
  outgoing.on('error', () =>
    sendRefusalOnSocket(socket, unavailable('the cluster of this workspace does not answer')),
  );
  socket.once('close', () => outgoing.destroy());
  outgoing.end();
}

function target(upstream: UrlUpstream, request: IncomingMessage): RequestOptions {
  const base = new URL(upstream.url);
  return {
    host: base.hostname,
    port: base.port === '' ? 443 : Number(base.port),
    path: base.pathname.replace(/\/$/, '') + (request.url ?? '/'),
    method: request.method,
    ...tlsOf(upstream),
    agent: agentFor(upstream),
  };
}

/** The authority of that cluster alone is trusted, and no client certificate is ever presented on a user's request. */
function tlsOf(upstream: UrlUpstream) {
  return {
    ca: upstream.certificateAuthority,
    ...(upstream.serverName !== undefined && { servername: upstream.serverName }),
  };
}

function agentFor(upstream: UrlUpstream): Agent {
  const key = `${upstream.url} ${upstream.serverName ?? ''} ${upstream.certificateAuthority}`;
  const known = agents.get(key);
  if (known) return known;
  if (agents.size >= agentsMax) {
    for (const agent of agents.values()) agent.destroy();
    agents.clear();
  }
  const agent = new Agent({ keepAlive: true, maxFreeSockets: 4, timeout: 0, ...tlsOf(upstream) });
  agents.set(key, agent);
  return agent;
}

/** What the gateway kept of the headers, in their original order and with duplicates. */
function forwardable(upstream: UrlUpstream, request: IncomingMessage): string[] {
  const kept = withoutHops(request.rawHeaders);
  const headers = ['host', new URL(upstream.url).host];
  for (let index = 0; index + 1 < kept.length; index += 2) {
    const name = kept[index] ?? '';
    if (request.headers[name.toLowerCase()] !== undefined) headers.push(name, kept[index + 1] ?? '');
  }
  return headers;
}

function withoutHops(rawHeaders: readonly string[]): string[] {
  const listed = new Set(hopByHop);
  for (let index = 0; index + 1 < rawHeaders.length; index += 2) {
    if (rawHeaders[index]?.toLowerCase() !== 'connection') continue;
    for (const option of (rawHeaders[index + 1] ?? '').split(',')) listed.add(option.trim().toLowerCase());
  }
  const kept: string[] = [];
  for (let index = 0; index + 1 < rawHeaders.length; index += 2) {
    const name = rawHeaders[index] ?? '';
    if (!listed.has(name.toLowerCase())) kept.push(name, rawHeaders[index + 1] ?? '');
  }
  return kept;
}

function headerLines(rawHeaders: readonly string[]): string {
  let lines = '';
  for (let index = 0; index + 1 < rawHeaders.length; index += 2)
    lines += `${rawHeaders[index]}: ${rawHeaders[index + 1]}\r\n`;
  return lines;
}
