import type { IncomingMessage } from 'node:http';
import type { Agent, RequestOptions } from 'node:https';
import type { Duplex } from 'node:stream';
import { tlsAgent } from '@hexabase/cluster/kube-api/tls-agent.ts';
import type { Upstream } from '@hexabase/cluster/port.ts';
import { withAuditId, withoutHops } from './hop-headers.ts';

export type UrlUpstream = Extract<Upstream, { kind: 'url' }>;

/** One API server, and connections to it. */
interface Connections {
  /** What its address says. */
  at: { host: string; port: number; prefix: string; header: string };
  /** Kept and used again. */
  pooled: Agent;
  /** For upgrades: a kept connection may just be closing, and a shell cannot be started twice. */
  single: Agent;
  /** The newest way in; a driver may have opened another tunnel since. */
  connect: (() => Promise<Duplex>) | undefined;
}

/** By address, authority and kind of way, last used last; a driver answers with new objects but few values. */
const known = new Map<string, Connections>();
const knownMax = 5_000;
/** Nobody expects one in these. */
const hasNoBody: ReadonlySet<string> = new Set(['GET', 'HEAD', 'DELETE', 'OPTIONS']);

/** Where a request goes and how: verified against the authority of that cluster alone, without a client certificate. */
export function targetOf(
  upstream: UrlUpstream,
  request: IncomingMessage,
  use: 'pooled' | 'single',
): RequestOptions & { headers: string[] } {
  const connections = connectionsTo(upstream);
  const { host, port, prefix, header } = connections.at;
  return {
    host,
    port,
    path: prefix + (request.url ?? '/'),
    method: request.method,
    agent: connections[use],
    headers: [
      'host',
      header,
      ...withAuditId(forwardable(request), request.headers['audit-id']),
      ...framing(request),
    ],
  };
}

/** What the gateway kept of the headers, in their original order and with duplicates. */
function forwardable(request: IncomingMessage): string[] {
  const kept = withoutHops(request.rawHeaders);
  const headers: string[] = [];
  for (let index = 0; index + 1 < kept.length; index += 2) {
    const name = kept[index] ?? '';
    const lower = name.toLowerCase();
    if (lower !== 'content-length' && request.headers[lower] !== undefined)
      headers.push(name, kept[index + 1] ?? '');
  }
  return headers;
}

/**
 * Where the request ends, told anew and always (RFC 9112 §6, §11.2): the next one on this connection is somebody else's.
 * What a client says of it may be hidden by `Connection: content-length`, and node sets nothing for a GET or DELETE.
 */
function framing(request: IncomingMessage): string[] {
  if (request.headers['transfer-encoding'] !== undefined) return ['transfer-encoding', 'chunked'];
  const length = request.headers['content-length'];
  if (length !== undefined) return ['content-length', length];
  return hasNoBody.has(request.method ?? '') ? [] : ['content-length', '0'];
}

function connectionsTo(upstream: UrlUpstream): Connections {
  const { url, certificateAuthority, serverName, connect } = upstream;
  const key = [connect ? 'tunnel' : 'direct', url, serverName ?? '', certificateAuthority].join(' ');
  const found = known.get(key);
  if (found) {
    found.connect = connect;
    // Behind all others: those that were not used for longest come first.
    known.delete(key);
    known.set(key, found);
    return found;
  }
  forgetOldest();
  const way = connect && { connect: () => (connections.connect ?? connect)() };
  const peer = { certificateAuthority, ...(serverName !== undefined && { serverName }), ...way };
  const { hostname, port, pathname, host } = new URL(url);
  const connections: Connections = {
    at: {
      host: hostname,
      port: port === '' ? 443 : Number(port),
      prefix: pathname.replace(/\/$/, ''),
      header: host,
    },
    // All that it connects to is one peer. Node's own name for it is made of every option for each request, the PEM too.
    pooled: Object.assign(tlsAgent(peer), { getName: () => 'peer' }),
    single: tlsAgent({ ...peer, keepAlive: false }),
    connect,
  };
  known.set(key, connections);
  return connections;
}

/** What it connected goes on: somebody may follow a log on it. Idle connections end by themselves after a minute. */
function forgetOldest(): void {
  const [oldest] = known.keys();
  if (known.size >= knownMax && oldest !== undefined) known.delete(oldest);
}
