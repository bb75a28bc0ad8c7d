import { AppError } from '@hexabase/kernel/errors.ts';
import { isIPv6 } from 'node:net';
import type { WorkspaceId } from '@hexabase/kernel/id.ts';
import { KubeCallError, KubeRefusal } from '../../kube-api/call-errors.ts';
import { createKubeClient, type KubeClient } from '../../kube-api/client.ts';
import { parseKubeconfig, type KubeEndpoint } from '../../kube-api/endpoint.ts';
import type { TenantClient, TenantRequest, TenantResponse, Upstream } from '../../port.ts';
import { fieldOf, metaOf, textOf } from './host/objects.ts';
import { readOne } from './host/read.ts';
import { controlPlaneSelector, namesOf, tenantPort } from './names.ts';
import type { VclusterDriverOptions } from './options.ts';
import { openTunnel, type Tunnel } from './tunnel/tunnel.ts';

/** How this process reaches the tenants of one host. */
export interface TenantAccess extends AsyncDisposable {
  clientOf(workspaceId: WorkspaceId): TenantClient;
  /** Rejects with AppError `cluster_unavailable` when there is no control plane, or it has not said who it is yet. */
  upstreamOf(workspaceId: WorkspaceId): Promise<Upstream>;
  /** What was known may be another's by now. */
  forget(workspaceId: WorkspaceId): Promise<void>;
}

/** One tenant's address and administrator, as they were when last looked at. */
interface Entry {
  client: KubeClient;
  upstream: Upstream;
  tunnel: Tunnel | null;
  /** Which tenant it is: another one has another. */
  identity: string;
  /** What its administrator signs in with; may change while the tenant stays. */
  kubeconfig: string;
  checkedMs: number;
  usedMs: number;
  /** The last look at the host got no answer: nobody waits for the next one. */
  isUnanswered: boolean;
}

/** So long a tenant is believed to be the one it was; errors make us look at once. */
const believedMs = 30_000;
/** A host that gave no answer is asked again after this time. */
const askAgainMs = 5_000;
const lookMsMax = 10_000;
const idleMs = 5 * 60_000;

/** Why the host is asked: the tenant did not take what we had, or time has passed. */
interface Reason {
  refused: boolean;
}

/** There is none; or there is one that has not said who it is yet. */
type NoEntry = 'absent' | 'starting';

type AccessOptions = Pick<VclusterDriverOptions, 'host' | 'reach' | 'clock'>;

export function tenantAccess(options: AccessOptions): TenantAccess {
  const known = knownTenants(options);

  async function request(workspaceId: WorkspaceId, wanted: TenantRequest): Promise<TenantResponse> {
    wanted.signal?.throwIfAborted();
    const entry = await known.find(workspaceId);
    if (typeof entry === 'string') return unanswered(entry);
    const first = await attempt(entry, wanted);
    if (!needsLook(first)) return outcome(first);
    const again = await known.look(workspaceId, { refused: true });
    // Neither a refused certificate nor 401 has done anything, so it may be sent to the tenant that is there now.
    if (typeof again === 'string') return unanswered(again);
    return again === entry ? outcome(first) : outcome(await attempt(again, wanted));
  }

  return {
    clientOf: (workspaceId) => ({ request: (wanted) => request(workspaceId, wanted) }),
    async upstreamOf(workspaceId) {
      const entry = await known.find(workspaceId);
      if (typeof entry === 'string') throw notYet();
      return entry.upstream;
    },
    forget: known.forget,
    [Symbol.asyncDispose]: known.forgetAll,
  };
}

/** Tenants that were used lately, so that a request costs no look at the host. */
function knownTenants(options: AccessOptions) {
  const entries = new Map<WorkspaceId, Entry>();
  const lookups = new Map<WorkspaceId, Promise<Entry | NoEntry>>();

  async function forget(workspaceId: WorkspaceId): Promise<void> {
    const entry = entries.get(workspaceId);
    entries.delete(workspaceId);
    entry?.client[Symbol.dispose]();
    await entry?.tunnel?.[Symbol.asyncDispose]();
  }

  /** A tenant that refused us is opened anew when its kubeconfig is another; otherwise its connections are kept. */
  async function lookNow(workspaceId: WorkspaceId, { refused }: Reason): Promise<Entry | NoEntry> {
    const found = await readTenant(options, workspaceId);
    const old = entries.get(workspaceId);
    if (typeof found === 'string') {
      await forget(workspaceId);
      return found;
    }
    const times = lookedAt(options.clock.now());
    if (old?.identity === found.identity && (!refused || old.kubeconfig === found.kubeconfig))
      return Object.assign(old, times);
    await forget(workspaceId);
    const { identity, kubeconfig } = found;
    const entry = { ...open(options, { workspaceId, ...found }), identity, kubeconfig, ...times };
    entries.set(workspaceId, entry);
    return entry;
  }

  /** One look for many callers. */
  function look(workspaceId: WorkspaceId, reason: Reason): Promise<Entry | NoEntry> {
    const running =
      lookups.get(workspaceId) ?? lookNow(workspaceId, reason).finally(() => lookups.delete(workspaceId));
    lookups.set(workspaceId, running);
    return running;
  }

  return {
    forget,
    look,
    async find(workspaceId: WorkspaceId): Promise<Entry | NoEntry> {
      const now = options.clock.now();
      for (const [id, other] of entries) if (id !== workspaceId && isIdle(other, now)) await forget(id);
      const entry = entries.get(workspaceId);
      if (!entry) return look(workspaceId, { refused: false });
      if (now - entry.checkedMs <= believedMs) return Object.assign(entry, { usedMs: now });
      const isWaitedFor = !entry.isUnanswered;
      const looked = look(workspaceId, { refused: false }).catch((error: unknown) => {
        if (entries.get(workspaceId) !== entry) throw error;
        return believedAgain(entry, { error, now: options.clock.now() });
      });
      if (isWaitedFor) return looked;
      looked.catch(() => undefined);
      return Object.assign(entry, { usedMs: now });
    },
    async forgetAll(): Promise<void> {
      await Promise.all([...entries.keys()].map(forget));
    },
  };
}

function lookedAt(now: number): Pick<Entry, 'checkedMs' | 'usedMs' | 'isUnanswered'> {
  return { checkedMs: now, usedMs: now, isUnanswered: false };
}

/**
 * The tenant may well answer while its host does not: whether it is the one that it was, its certificate tells. Throws the
 * error of a host that did answer; whoever comes after that waits for the next look.
 */
function believedAgain(entry: Entry, { error, now }: { error: unknown; now: number }): Entry {
  entry.isUnanswered = isNoAnswer(error);
  if (!entry.isUnanswered) throw error;
  return Object.assign(entry, { checkedMs: now - believedMs + askAgainMs });
}

/** The host is away, slow, full or broken; it has not refused us. */
function isNoAnswer(error: unknown): boolean {
  if (error instanceof KubeRefusal) return error.status === 429 || error.status >= 500;
  return error instanceof KubeCallError && error.reason !== 'untrusted';
}

/** Somebody may follow a log for hours without asking for the tenant again. */
function isIdle({ usedMs, tunnel }: Entry, now: number): boolean {
  return now - usedMs > idleMs && (tunnel?.open() ?? 0) === 0;
}

type Attempt = { answer: TenantResponse } | { error: unknown };

async function attempt({ client }: Entry, wanted: TenantRequest): Promise<Attempt> {
  try {
    return { answer: await client.request(wanted) };
  } catch (error) {
    return { error };
  }
}

function needsLook(attempted: Attempt): boolean {
  if ('answer' in attempted) return attempted.answer.status === 401;
  const { error } = attempted;
  return error instanceof KubeCallError && (error.reason === 'untrusted' || error.reason === 'unreachable');
}

function outcome(attempted: Attempt): TenantResponse {
  if ('error' in attempted) throw attempted.error;
  return attempted.answer;
}

function unanswered(state: NoEntry): TenantResponse {
  if (state === 'starting') throw notYet();
  const message = 'there is no cluster of this workspace';
  return {
    status: 404,
    body: { kind: 'Status', apiVersion: 'v1', status: 'Failure', reason: 'NotFound', code: 404, message },
  };
}

function notYet(): AppError {
  return new AppError('cluster_unavailable', { cause: 'the control plane has not said yet who it is' });
}

interface Found {
  address: string;
  endpoint: KubeEndpoint;
  certificateAuthority: string;
  identity: string;
  kubeconfig: string;
}

async function readTenant({ host }: AccessOptions, workspaceId: WorkspaceId): Promise<Found | NoEntry> {
  const { namespace, release } = namesOf(workspaceId);
  const signal = AbortSignal.timeout(lookMsMax);
  const read = (kind: string, name: string) =>
    readOne(host, { apiVersion: 'v1', kind, namespace, name }, signal).catch((cause: unknown) => {
      if (!signal.aborted) throw cause;
      throw new KubeCallError('timeout', 'the host cluster did not answer in time', { cause });
    });
  const [service, published, certificates] = await Promise.all([
    read('Service', release),
    read('Secret', `vc-${release}`),
    read('Secret', `${release}-certs`),
  ]);
  if (!service) return 'absent';
  const address = textOf(fieldOf(service, 'spec', 'clusterIP'));
  // The first is upstream's promise, but it comes a second or more after the API answers; the second is what it is
  // made of and is there before.
  const encoded =
    textOf(fieldOf(published, 'data', 'config')) || textOf(fieldOf(certificates, 'data', 'admin.conf'));
  if (encoded === '' || address === '') return 'starting';
  const kubeconfig = Buffer.from(encoded, 'base64').toString('utf8');
  const endpoint = parseKubeconfig(kubeconfig);
  const { certificateAuthority } = endpoint;
  if (certificateAuthority === null) return 'starting';
  const identity = `${metaOf(service).uid} ${address} ${certificateAuthority}`;
  return { address, endpoint, certificateAuthority, identity, kubeconfig };
}

/** The kubeconfig's own server is for use inside the pod. */
function open(
  { host, reach }: AccessOptions,
  { workspaceId, address, endpoint, certificateAuthority }: Found & { workspaceId: WorkspaceId },
): Pick<Entry, 'client' | 'upstream' | 'tunnel'> {
  const { credentials } = endpoint;
  if (reach === 'service') {
    const server = `https://${isIPv6(address) ? `[${address}]` : address}:443`;
    return {
      client: createKubeClient({ server, certificateAuthority, credentials }),
      upstream: { kind: 'url', url: server, certificateAuthority },
      tunnel: null,
    };
  }
  const { namespace, release } = namesOf(workspaceId);
  const podSelector = controlPlaneSelector(release);
  const byTunnel = () => {
    const tunnel = openTunnel({ host, namespace, podSelector, port: tenantPort });
    return { tunnel, connect: () => tunnel.connect() };
  };
  const { tunnel, connect } =
    reach === 'tunnel' ? byTunnel() : { tunnel: null, connect: () => reach(workspaceId) };
  const serverName = `${release}.${namespace}`;
  const place = { certificateAuthority, serverName, connect };
  const server = `https://${serverName}`;
  return {
    client: createKubeClient({ server, credentials, ...place }),
    upstream: { kind: 'url', url: server, ...place },
    tunnel,
  };
}
