import type { IncomingMessage, ServerResponse } from 'node:http';
import type { Duplex } from 'node:stream';
import type { Clock } from '@hexabase/kernel/clock.ts';
import type { Logger } from '@hexabase/kernel/log.ts';
import type { ApiDeps, ClusterApi } from './api/deps.ts';
import { notImplemented, unknownPath } from './api/errors.ts';
import { handleNodeRequest, statusOf } from './api/http/node-handler.ts';
import { sendStatus } from './api/http/node-answer.ts';
import { sameJson } from './api/registry/object.ts';
import { createApiDeps } from './runtime/api-deps.ts';
import { parseClusterConfig } from './runtime/cluster-config.ts';
import { createClusterPool, type ClusterPool } from './runtime/cluster-pool.ts';
import { noCompanion, startCompanion } from './runtime/companion.ts';
import { requestInProcess } from './runtime/in-process.ts';
import { ownBirth } from './runtime/own-birth.ts';
import type { OpenCluster, Stores } from './store/store.ts';
import type { Authenticator, ClusterConfig, Kubernetes } from './types.ts';

export interface KubernetesOptions {
  /** The clusters' storage; disposed by whoever made it, after this. */
  stores: Stores;
  /** Finds who sends a request to a cluster. */
  authenticatorOf(clusterId: string): Authenticator;
  clock: Clock;
  log: Logger;
  /** PEM text of the authority that clients trust, for the `kube-root-ca.crt` ConfigMaps. Default ''. */
  caCertificate?: string;
  /** Multiplies simulated delays. Default 1. */
  timeScale?: number;
  /** Let those act as somebody else whom the cluster's roles allow it. Default false: such requests are refused. */
  impersonation?: boolean;
  /** False runs no controllers, scheduler and kubelets. Default true. */
  controllers?: boolean;
  /** Milliseconds without use until a cluster leaves memory. Default 30,000. */
  idleMs?: number;
}

/** Many logical Kubernetes clusters in this process. See `Kubernetes`. */
export function createKubernetes(options: KubernetesOptions): Kubernetes {
  const { stores, clock, log } = options;
  const pool = openPool(options);
  let watches = 0;
  const watchBegan = (): (() => void) => {
    watches++;
    return () => void watches--;
  };
  const impersonation = options.impersonation ?? false;
  const authenticators = new Map<string, Authenticator>();

  return {
    async ensureCluster(id, config, fence) {
      const known = await stores.find(id);
      // Whoever repeats this every minute must not keep idle clusters loaded.
      if (known && sameJson(known.config, config)) {
        if (fence !== undefined) await stores.raiseFence(id, fence);
        return { uid: known.uid };
      }
      const made = await stores.create(id, config, fence);
      await stores.setConfig(id, config, fence);
      pool.reconfigured(id);
      using lease = await pool.acquire(id);
      if (lease) await ownBirth(lease.api.store, clock);
      return made;
    },
    async removeCluster(id, fence) {
      await stores.remove(id, fence);
      authenticators.delete(id);
    },
    async findCluster(id) {
      const found = await stores.find(id);
      return found ? { uid: found.uid, config: parseClusterConfig(found.config) } : null;
    },
    listClusters: () => stores.all(),
    handle(id, request, response) {
      let authenticator = authenticators.get(id);
      if (!authenticator) authenticators.set(id, (authenticator = options.authenticatorOf(id)));
      void serve({ pool, log, authenticator, id, impersonation, watchBegan }, request, response);
    },
    upgrade(_id, _request, socket) {
      refuseUpgrade(socket);
    },
    async request(id, request) {
      using lease = await pool.acquire(id);
      if (!lease) return { status: 404, body: unknownPath().status };
      return await requestInProcess(lease.api, request);
    },
    stats: () => ({ ...stores.stats(), watches }),
    [Symbol.asyncDispose]: () => pool[Symbol.asyncDispose](),
  };
}

function openPool({ stores, clock, log, ...options }: KubernetesOptions): ClusterPool {
  const companionOptions = { caCertificate: options.caCertificate ?? '', timeScale: options.timeScale ?? 1 };
  const deps = createApiDeps({ clock, log });
  return createClusterPool({
    stores,
    clock,
    log,
    apiOf: (opened) => clusterApi(opened, deps),
    start: (api) => (options.controllers === false ? noCompanion : startCompanion(api, companionOptions)),
    ...(options.idleMs !== undefined && { idleMs: options.idleMs }),
  });
}

interface Serving {
  pool: ClusterPool;
  log: Logger;
  authenticator: Authenticator;
  id: string;
  impersonation: boolean;
  watchBegan(): () => void;
}

/** Holds the cluster until the answer is sent, which for a watch is when it ends. */
async function serve(
  { pool, log, authenticator, id, impersonation, watchBegan }: Serving,
  request: IncomingMessage,
  response: ServerResponse,
): Promise<void> {
  try {
    const lease = await pool.acquire(id);
    if (!lease) return sendStatus(unknownPath().status, { response });
    // A client that hung up while the cluster was opened closes nothing any more.
    using left = response.destroyed ? lease : null;
    if (left === null) response.once('close', () => lease[Symbol.dispose]());
    await handleNodeRequest(request, response, {
      cluster: lease.api,
      authenticate: authenticator,
      log,
      signal: lease.signal,
      impersonation,
      watchBegan,
    });
  } catch (error) {
    log.error({ clusterId: id, error }, 'a cluster could not be opened');
    sendStatus(statusOf(error), { response });
  }
}

/** Before the handshake an upgrade can still be answered with plain HTTP. */
function refuseUpgrade(socket: Duplex): void {
  const { status } = notImplemented(
    'exec, attach and port-forward are not supported: no containers run behind this simulated cluster',
  );
  const body = JSON.stringify(status);
  socket.end(
    `HTTP/1.1 501 Not Implemented\r\ncontent-type: application/json\r\ncontent-length: ${Buffer.byteLength(body)}\r\nconnection: close\r\n\r\n${body}`,
  );
}

function clusterApi(opened: OpenCluster, deps: ApiDeps): ClusterApi {
  let source: unknown;
  let parsed: ClusterConfig | undefined;
  return {
    id: opened.store.id,
    uid: opened.store.uid,
    store: opened.store,
    deps,
    get config() {
      if (parsed === undefined || source !== opened.config) {
        source = opened.config;
        parsed = parseClusterConfig(source);
      }
      return parsed;
    },
  };
}
