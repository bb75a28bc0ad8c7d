import { once } from 'node:events';
import { createServer } from 'node:http';
import { openKubernetes } from '../open-kubernetes.ts';
import type { AuthorizationMode, InProcessRequest, Kubernetes, UserInfo } from '../types.ts';

/** A whole cluster in memory behind a port of this machine; bearer tokens are user names. */
export interface TestCluster extends AsyncDisposable {
  kubernetes: Kubernetes;
  url: string;
  /** As administrator, without HTTP. Answers the body; throws when the status is not the expected one. */
  ask(method: InProcessRequest['method'], path: string, options?: Ask): Promise<Json>;
  /** Over HTTP. */
  fetch(path: string, init?: RequestInit & { user?: string }): Promise<Response>;
}

export interface Ask {
  body?: unknown;
  contentType?: string;
  status?: number;
}

export type Json = { [field: string]: Json } & { metadata: { [field: string]: string & Json } };

const id = 'test';

export async function startTestCluster(
  options: { controllers?: boolean; authorization?: AuthorizationMode; nodes?: number } = {},
): Promise<TestCluster> {
  const kubernetes = openKubernetes({
    controllers: options.controllers ?? false,
    timeScale: 0,
    authenticatorOf: () => async (request) => userOf(request.headers.authorization),
  });
  const nodes = Array.from({ length: options.nodes ?? 0 }, (_, index) => ({
    name: `node-${index + 1}`,
    cpuMilli: 4000,
    memoryMib: 8192,
    pods: 110,
  }));
  await kubernetes.ensureCluster(id, { authorization: options.authorization ?? 'RBAC', nodes, basePath: '' });
  const server = createServer((request, response) => kubernetes.handle(id, request, response));
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  const address = server.address();
  const url = `http://127.0.0.1:${typeof address === 'object' && address ? address.port : 0}`;
  return {
    kubernetes,
    url,
    async ask(method, path, { body, contentType, status } = {}) {
      const answer = await kubernetes.request(id, {
        method,
        path,
        ...(body !== undefined && { body }),
        ...(contentType && { contentType }),
      });
      const wanted = status ?? (method === 'POST' ? 201 : 200);
      if (answer.status !== wanted)
        throw new Error(`${method} ${path} answered ${answer.status}: ${JSON.stringify(answer.body)}`);
      return answer.body as Json;
    },
    fetch: (path, { user = 'admin', headers, ...init } = {}) =>
      fetch(url + path, { ...init, headers: { authorization: `Bearer ${user}`, ...headers } }),
    async [Symbol.asyncDispose]() {
      server.close();
      server.closeAllConnections();
      await kubernetes[Symbol.asyncDispose]();
    },
  };
}

function userOf(authorization: string | undefined): UserInfo | null {
  const name = authorization?.startsWith('Bearer ') ? authorization.slice(7) : '';
  if (name === '') return null;
  return {
    username: name,
    groups: name === 'admin' ? ['system:masters', 'system:authenticated'] : ['system:authenticated'],
  };
}

export const configMap = (
  name: string,
  data: Record<string, string> = {},
  metadata: Record<string, unknown> = {},
) => ({
  apiVersion: 'v1',
  kind: 'ConfigMap',
  metadata: { name, ...metadata },
  data,
});

export const deployment = (name: string, image = 'nginx:1.27') => ({
  apiVersion: 'apps/v1',
  kind: 'Deployment',
  metadata: { name },
  spec: {
    replicas: 1,
    selector: { matchLabels: { app: name } },
    template: { metadata: { labels: { app: name } }, spec: { containers: [{ name: 'c', image }] } },
  },
});
