import { timingSafeEqual } from 'node:crypto';
import { createServer, type IncomingMessage } from 'node:http';
import { createServer as createTlsServer } from 'node:https';
import { once } from 'node:events';
import type { Logger } from '@hexabase/kernel/log.ts';
import { openKubernetes } from './open-kubernetes.ts';
import type { Persistence } from './store/persistence.ts';
import type { AuthorizationMode, Kubernetes, SimulatedNode, UserInfo } from './types.ts';

export interface ServeOptions {
  /** 0 chooses a free one. */
  port: number;
  /** Bearer token of the administrator (`system:masters`). */
  token: string;
  authorization: AuthorizationMode;
  /** How many simulated nodes; 0 leaves pods Pending. */
  nodes: number;
  /** More tokens, for tests of authorization. */
  users?: Readonly<Record<string, UserInfo>>;
  /** Serves TLS with this key and certificate (PEM); plain HTTP without. */
  tls?: { key: string; cert: string };
  /** Default: memory, gone with the process. */
  persistence?: Persistence;
  log?: Logger;
  host?: string;
  timeScale?: number;
  controllers?: boolean;
}

/** A running stand-alone API server with one cluster at its root. */
export interface ServedKubernetes extends AsyncDisposable {
  url: string;
  kubernetes: Kubernetes;
}

const clusterId = 'standalone';

/** Starts one cluster on a port of this machine. */
export async function serveKubernetes(options: ServeOptions): Promise<ServedKubernetes> {
  const { persistence, log } = options;
  const authenticate = tokenAuthenticator(options);
  const kubernetes = openKubernetes({
    authenticatorOf: () => authenticate,
    impersonation: true,
    ...(persistence && { persistence }),
    ...(log && { log }),
    ...(options.tls && { caCertificate: options.tls.cert }),
    ...(options.timeScale !== undefined && { timeScale: options.timeScale }),
    ...(options.controllers !== undefined && { controllers: options.controllers }),
  });
  await kubernetes.ensureCluster(clusterId, {
    authorization: options.authorization,
    nodes: simulatedNodes(options.nodes),
    basePath: '',
  });
  const listener = kubernetes.handle.bind(kubernetes, clusterId);
  const server = options.tls ? createTlsServer(options.tls, listener) : createServer(listener);
  server.on('upgrade', (request, socket, head) => kubernetes.upgrade(clusterId, request, socket, head));
  server.requestTimeout = 0;
  const host = options.host ?? '127.0.0.1';
  server.listen(options.port, host);
  await once(server, 'listening');
  const address = server.address();
  const port = typeof address === 'object' && address !== null ? address.port : options.port;
  return {
    url: `${options.tls ? 'https' : 'http'}://${host}:${port}`,
    kubernetes,
    async [Symbol.asyncDispose]() {
      server.close();
      server.closeAllConnections();
      await kubernetes[Symbol.asyncDispose]();
    },
  };
}

/** A kubeconfig for the administrator. kubectl sends no token over plain HTTP, so a served TLS certificate goes in. */
export function kubeconfigFor(
  served: Pick<ServedKubernetes, 'url'>,
  { token, tls }: Pick<ServeOptions, 'token' | 'tls'>,
): string {
  const authority = tls
    ? `, "certificate-authority-data": ${JSON.stringify(Buffer.from(tls.cert).toString('base64'))}`
    : '';
  return [
    'apiVersion: v1',
    'kind: Config',
    'current-context: embedded',
    `clusters: [{ name: embedded, cluster: { server: ${JSON.stringify(served.url)}${authority} } }]`,
    `users: [{ name: administrator, user: { token: ${JSON.stringify(token)} } }]`,
    'contexts: [{ name: embedded, context: { cluster: embedded, user: administrator, namespace: default } }]',
    '',
  ].join('\n');
}

function simulatedNodes(count: number): SimulatedNode[] {
  return Array.from({ length: count }, (_, index) => ({
    name: `node-${index + 1}`,
    cpuMilli: 8000,
    memoryMib: 16_384,
    pods: 110,
  }));
}

/** Knows people by their bearer tokens alone. */
export function tokenAuthenticator({
  token,
  users = {},
}: Pick<ServeOptions, 'token' | 'users'>): (request: IncomingMessage) => Promise<UserInfo | null> {
  const administrator: UserInfo = {
    username: 'kubernetes-admin',
    groups: ['system:masters', 'system:authenticated'],
  };
  return async (request) => {
    const [scheme, given = ''] = (request.headers.authorization ?? '').split(' ');
    if (scheme?.toLowerCase() !== 'bearer') return null;
    if (sameText(given, token)) return administrator;
    return Object.entries(users).find(([known]) => sameText(given, known))?.[1] ?? null;
  };
}

function sameText(a: string, b: string): boolean {
  const left = Buffer.from(a);
  const right = Buffer.from(b);
  return left.length === right.length && timingSafeEqual(left, right);
}
