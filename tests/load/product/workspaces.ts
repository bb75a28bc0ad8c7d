import { request, Agent } from 'node:https';
import { setTimeout as sleep } from 'node:timers/promises';
import type { Product } from './product.ts';
import type { Rest } from './rest.ts';

export interface CreatedWorkspace {
  id: string;
  slug: string;
  phase: string;
}

const patienceMs = 60_000;

/** Asks for a workspace, and again every `pollMs` until it is active. */
export async function createWorkspace(rest: Rest, name: string, pollMs: number): Promise<CreatedWorkspace> {
  let workspace = await rest.call<CreatedWorkspace>('POST', '/api/v1/workspaces', { name });
  const deadline = performance.now() + patienceMs;
  while (workspace.phase !== 'active') {
    if (workspace.phase !== 'provisioning' || performance.now() > deadline) {
      throw new Error(`${name} is ${workspace.phase}`);
    }
    await sleep(pollMs);
    workspace = await rest.call<CreatedWorkspace>('GET', `/api/v1/workspaces/${workspace.id}`);
  }
  return workspace;
}

/** What kubectl does first: a token of its own, then a request through the gateway over TLS. */
export async function firstKubeCall(rest: Rest, gateway: Gateway, id: string): Promise<void> {
  const { token } = await rest.call<{ token: string }>('POST', `/api/v1/workspaces/${id}/kube-token`);
  const status = await gateway.get(`/k8s/workspaces/${id}/api/v1/namespaces`, token);
  if (status !== 200) throw new Error(`the gateway answered ${status}`);
}

export interface Gateway extends Disposable {
  /** Answers the status once the body has been read. */
  get(path: string, token: string): Promise<number>;
}

/** A new TLS connection for each call, as kubectl opens one. */
export function openGateway(product: Pick<Product, 'httpsUrl' | 'ca'>): Gateway {
  const agent = new Agent({ keepAlive: false, ca: product.ca, maxCachedSessions: 0 });
  return {
    get: (path, token) =>
      new Promise((resolve, reject) => {
        request(
          product.httpsUrl + path,
          { agent, headers: { authorization: `Bearer ${token}` } },
          (response) => {
            response.resume();
            response.on('end', () => resolve(response.statusCode ?? 0));
            response.on('error', reject);
          },
        )
          .on('error', reject)
          .end();
      }),
    [Symbol.dispose]: () => agent.destroy(),
  };
}
