import type { Duplex } from 'node:stream';
import { setTimeout as sleep } from 'node:timers/promises';
import type { WebSocket } from 'ws';
import { KubeCallError, KubeRefusal } from '../../../kube-api/call-errors.ts';
import type { TenantRequest, TenantResponse } from '../../../port.ts';
import { findPod } from './find-pod.ts';
import { portForwardProtocol, PortForwardStream } from './port-forward-stream.ts';
import { TunnelError } from './tunnel-error.ts';

/** What a tunnel needs of the host's API (`KubeClient` has it). */
export interface TunnelHost {
  request(request: TenantRequest): Promise<TenantResponse>;
  /** Open, and paused. */
  webSocket(path: string, protocols: string[]): Promise<WebSocket>;
}

export type TunnelOptions = {
  host: TunnelHost;
  namespace: string;
  port: number;
  /** How often an open connection is asked whether it is alive; 15 s when absent. */
  pingMs?: number;
} & ({ podName: string } | { podSelector: string });

/** The way to one port of a pod through the host's API server. Costs nothing while no connection is open. */
export interface Tunnel extends AsyncDisposable {
  /**
   * One new connection, as raw bytes in both directions. Looks the pod up anew when the one it knew is gone, and tries
   * for a few seconds. Throws `TunnelError`. Pooling is the caller's: an https agent keeps the connections it was given.
   */
  connect(): Promise<Duplex>;
  /** Open connections. */
  open(): number;
}

const attemptsMax = 4;
const firstDelayMs = 150;
const lookupMsMax = 10_000;

/**
 * Opens nothing yet. Needs `get` on pods, `get` and `create` on pods/portforward (`create` is asked for from Kubernetes
 * 1.35 on) in that namespace.
 */
export function openTunnel(options: TunnelOptions): Tunnel {
  const { host, namespace, port } = options;
  const streams = new Set<PortForwardStream>();
  const ending = new AbortController();
  const pods = knownPod(options, ending.signal);

  async function connectOnce(): Promise<PortForwardStream> {
    const pod = await pods.find();
    const path = `/api/v1/namespaces/${namespace}/pods/${pod}/portforward?ports=${port}`;
    const socket = await host.webSocket(path, [portForwardProtocol]).catch((error: unknown) => {
      pods.forget(pod);
      throw error;
    });
    const stream = new PortForwardStream(socket, { ...options, pod: `${namespace}/${pod}` });
    streams.add(stream);
    stream.on('error', () => pods.forget(pod));
    stream.once('close', () => streams.delete(stream));
    if (ending.signal.aborted) stream.destroy(closed());
    return stream;
  }

  return {
    async connect() {
      for (let attempt = 1; ; attempt += 1) {
        if (ending.signal.aborted) throw closed();
        try {
          return await connectOnce();
        } catch (error) {
          const failure = asTunnelError(error, `port ${port} in ${namespace}`);
          if (!failure.temporary || attempt === attemptsMax) throw failure;
          await sleep(firstDelayMs * 2 ** (attempt - 1), undefined, { signal: ending.signal }).catch(
            () => undefined,
          );
        }
      }
    },
    open: () => streams.size,
    async [Symbol.asyncDispose]() {
      ending.abort();
      const ended = [...streams].map(
        (stream) => new Promise<void>((resolve) => stream.once('close', () => resolve())),
      );
      for (const stream of streams) stream.destroy(closed());
      await Promise.all(ended);
    },
  };
}

/** The pod found last, until a connection to it fails; one lookup for many callers. */
function knownPod(options: TunnelOptions, ending: AbortSignal) {
  let known: string | null = null;
  let finding: Promise<string> | null = null;

  async function lookUp({ host, namespace }: TunnelOptions, podSelector: string): Promise<string> {
    const signal = AbortSignal.any([ending, AbortSignal.timeout(lookupMsMax)]);
    known = await findPod({ host, namespace, podSelector, signal });
    return known;
  }

  return {
    async find(): Promise<string> {
      if ('podName' in options) return options.podName;
      if (known !== null) return known;
      finding ??= lookUp(options, options.podSelector).finally(() => (finding = null));
      return finding;
    },
    forget(pod: string): void {
      if (known === pod) known = null;
    },
  };
}

function closed(): TunnelError {
  return new TunnelError('the tunnel was closed', { temporary: false });
}

/** Refused rights and certificates stay refused; everything else may be over in a moment. */
function asTunnelError(error: unknown, target: string): TunnelError {
  if (error instanceof TunnelError) return error;
  const reason = error instanceof Error ? error.message : String(error);
  const lasting =
    (error instanceof KubeRefusal && [401, 403].includes(error.status)) ||
    (error instanceof KubeCallError && error.reason === 'untrusted');
  return new TunnelError(`the host's API gives no way to ${target}: ${reason}`, {
    temporary: !lasting,
    cause: error,
  });
}
