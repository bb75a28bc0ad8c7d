import type { IncomingMessage, ServerResponse } from 'node:http';
import type { Duplex } from 'node:stream';
import type { ClusterDriver, Upstream } from '@hexabase/cluster/port.ts';
import type { TrustedProxies } from '@hexabase/kernel/client-address.ts';
import type { Clock } from '@hexabase/kernel/clock.ts';
import { hostName } from '@hexabase/kernel/host-name.ts';
import { brandId } from '@hexabase/kernel/id.ts';
import type { Logger } from '@hexabase/kernel/log.ts';
import type { KubeAccess } from '@hexabase/oidc/kube-access.ts';
import { gatewayPrefix, gatewayRoutes } from './address.ts';
import { createAdmission, type Admission, type Admitted } from './admit.ts';
import { entryOf, pathMax, type Told } from './answer/access-entry.ts';
import { followOutcome } from './answer/outcome.ts';
import { onStatusLine } from './answer/told-status.ts';
import { createHold, type Hold, type HoldLimits } from './hold.ts';
import { liveConnections, type LiveConnection, type LiveConnections } from './live-connections.ts';
import { passageOf, type Passage } from './passage.ts';
import { accessLog, type AccessAudit, type AccessLog } from './record/access-log.ts';
import { Refusal, sendRefusal, sendRefusalOnSocket, unavailable } from './refusal.ts';
import { dropUntrustedHeaders, refuseForeignIdentity } from './request-headers.ts';
import { requestObject } from './request-verb.ts';
import { passOn, passOnUpgrade } from './upstream.ts';
import { useNotes, type UseNotes } from './use-notes.ts';

export interface GatewayDeps {
  access: KubeAccess;
  driver: Pick<ClusterDriver, 'upstream'>;
  audit: AccessAudit;
  clock: Clock;
  log: Logger;
  /** Names that a Host header may hold (without port); any when absent. */
  allowedHosts?: readonly string[];
  /** Whose `X-Forwarded-For` is believed, for the record; absent: nobody's. */
  trustedProxies?: TrustedProxies;
  /** Asks for a sleeping workspace to be woken, for requests that wait; without it they are refused. */
  wake?: (workspaceId: string) => Promise<void>;
  /** Per workspace, so that one tenant cannot take all of the process. */
  limits?: Partial<GatewayLimits>;
}

export interface GatewayLimits extends HoldLimits {
  /** Requests in flight (an API server takes 400 reads and 200 writes). */
  short: number;
  /** Watches, followed logs and shells that are open. */
  long: number;
}

/** The door to the clusters of workspaces: `/k8s/workspaces/<id>/…` on the https server. */
export interface Gateway extends AsyncDisposable {
  /** Method and address of what it answers. */
  readonly routes: readonly string[];
  /** Whether a URL is the gateway's to answer. */
  owns(url: string): boolean;
  handle(request: IncomingMessage, response: ServerResponse): void;
  upgrade(request: IncomingMessage, socket: Duplex, head: Buffer): void;
  stats(): { connections: number; held: number };
}

interface Parts {
  admission: Admission;
  connections: LiveConnections;
  records: AccessLog;
  hold: Hold | null;
  uses: UseNotes;
  limits: GatewayLimits;
  clock: Clock;
  hosts: ReadonlySet<string> | null;
}

/** One for all: an `AbortController` that is given none makes an exception with its stack for each request. */
const over = new Error('the request is over');

/** Starts listening for revocations and answers the gateway. Disposing it ends every connection and writes the last entries. */
export async function createGateway(deps: GatewayDeps): Promise<Gateway> {
  const { parts, opened } = await openParts(deps);
  return {
    routes: gatewayRoutes,
    owns: (url) => url.startsWith(gatewayPrefix),
    handle(request, response) {
      serve(parts, deps, { request, response }).catch((error: unknown) => {
        if (!response.destroyed) sendRefusal(response, refusalFor(error, deps.log));
      });
    },
    upgrade(request, socket, head) {
      socket.on('error', () => socket.destroy());
      serveUpgrade(parts, deps, { request, socket, head }).catch((error: unknown) => {
        if (!socket.destroyed) sendRefusalOnSocket(socket, refusalFor(error, deps.log));
      });
    },
    stats: () => ({ connections: parts.connections.total(), held: parts.hold?.waiting() ?? 0 }),
    [Symbol.asyncDispose]: () => opened.disposeAsync(),
  };
}

async function openParts(deps: GatewayDeps): Promise<{ parts: Parts; opened: AsyncDisposableStack }> {
  const { access, clock, log, wake } = deps;
  await using opening = new AsyncDisposableStack();
  const limits = { short: 600, long: 5_000, held: 200, heldMs: 60_000, ...deps.limits };
  const admission = createAdmission(access, clock);
  const records = opening.use(accessLog(deps.audit, log));
  const connections = opening.use(liveConnections(clock));
  const uses = opening.use(
    useNotes({
      write: (ids, atMs) => access.noteUse(ids, atMs),
      connected: () => connections.workspaces(),
      clock,
      log,
    }),
  );
  const hold = wake ? createHold({ access, wake, log, limits }) : null;
  const hosts = deps.allowedHosts ? new Set(deps.allowedHosts.map((host) => host.toLowerCase())) : null;
  opening.use(
    await access.onRevocation((userId) => {
      admission.revoked(userId);
      void connections.recheck(userId, (connection) => admission.sessionOf(connection));
    }),
  );
  if (hold) opening.use(await access.onWorkspaceChange((workspaceId) => hold.changed(workspaceId)));
  return {
    parts: { admission, connections, records, hold, uses, limits, clock, hosts },
    opened: opening.move(),
  };
}

async function serve(
  parts: Parts,
  deps: GatewayDeps,
  { request, response }: { request: IncomingMessage; response: ServerResponse },
): Promise<void> {
  const passage = passageOf(request, deps.trustedProxies);
  const admitted = await enter(parts, passage);
  const of = { passage, admitted };
  // Nothing was passed on, and that it closed has been told already.
  if (response.destroyed) return record(parts, of, { status: 0, stage: 'ended' });
  const outcome = followOutcome({ request, response, verb: passage.verb }, (told) => {
    if (told.stage === 'ended') parts.connections.remove(connection);
    record(parts, of, told);
  });
  const connection = register(parts, { ...of, end: () => outcome.end() });
  response.setHeader('audit-id', passage.requestId);
  request.url = passage.url;
  dropUntrustedHeaders(request.headers);
  const upstream = await wayTo(parts, deps, { admitted, signal: outcome.signal });
  if (response.destroyed) return;
  outcome.sent();
  const failed = (error: Error, { isLost }: { isLost: boolean }) => {
    if (isLost) outcome.lost();
    noAnswer(deps, admitted, error);
  };
  passOn(upstream, { request, response, outcome, failed });
}

async function serveUpgrade(
  parts: Parts,
  deps: GatewayDeps,
  { request, socket, head }: { request: IncomingMessage; socket: Duplex; head: Buffer },
): Promise<void> {
  const passage = passageOf(request, deps.trustedProxies);
  const upgraded = { ...passage, verb: { ...passage.verb, readOnly: false, longRunning: true } };
  const admitted = await enter(parts, upgraded);
  const of = { passage: upgraded, admitted };
  if (socket.destroyed) return record(parts, of, { status: 0, stage: 'ended' });
  const gone = new AbortController();
  const connection = register(parts, { ...of, end: () => socket.destroy() });
  let status = 0;
  let isSent = false;
  onStatusLine(socket, (answered) => {
    status = answered;
    if (status === 101) record(parts, of, { status, stage: 'started' });
  });
  socket.once('close', () => {
    gone.abort(over);
    parts.connections.remove(connection);
    const unknown = isSent && status === 0 && !passage.verb.readOnly;
    record(parts, of, { status, stage: 'ended', unknown });
  });
  request.url = passage.url;
  dropUntrustedHeaders(request.headers);
  const upstream = await wayTo(parts, deps, { admitted, signal: () => gone.signal });
  if (socket.destroyed) return;
  isSent = true;
  passOnUpgrade(upstream, { request, socket, head, failed: (error) => noAnswer(deps, admitted, error) });
}

/** Waits for a sleeping workspace to wake, then says where its API is. Throws `Refusal`. */
async function wayTo(
  { hold, uses }: Parts,
  { driver, log }: GatewayDeps,
  { admitted: { workspace }, signal }: { admitted: Admitted; signal(): AbortSignal },
): Promise<Upstream> {
  uses.used(workspace.id);
  if (!workspace.servable) {
    if (!hold) throw unavailable('the workspace is asleep');
    await hold.untilAwake(workspace.id, signal());
  }
  try {
    return await driver.upstream(brandId(workspace.id));
  } catch (error) {
    log.warn({ error, workspaceId: workspace.id }, 'the way to a workspace cannot be found');
    throw unavailable('the cluster of this workspace cannot be reached right now');
  }
}

function noAnswer({ log }: GatewayDeps, { workspace }: Admitted, error: Error): void {
  log.warn({ error, workspaceId: workspace.id }, 'a workspace gave no answer to a request');
}

/** Everything that can refuse a request, in one order for requests and upgrades. */
async function enter(parts: Parts, passage: Passage): Promise<Admitted> {
  requireKnownHost(parts.hosts, passage.request.headers.host);
  const admitted = await parts.admission.admit(passage.request, passage.workspace);
  const { id: workspaceId, organizationId } = admitted.workspace;
  // Nothing of it may be kept, so that it is refused comes before all that would be told of it.
  if (!parts.records.admits({ organizationId, workspaceId, atMs: parts.clock.now() }))
    throw unavailable('access cannot be recorded right now');
  try {
    refuseForeignIdentity(passage.request.rawHeaders);
    const open = parts.connections.count(admitted.workspace.id);
    const full = passage.verb.longRunning ? open.long >= parts.limits.long : open.short >= parts.limits.short;
    if (full) {
      throw new Refusal(429, 'TooManyRequests', {
        message: 'too many requests to this workspace at once',
        retryAfterSeconds: 1,
      });
    }
  } catch (error) {
    if (error instanceof Refusal)
      record(parts, { passage, admitted }, { status: error.status, stage: 'ended' });
    throw error;
  }
  return admitted;
}

/** A page of another name that resolves to us must not drive us (DNS rebinding). */
function requireKnownHost(hosts: Parts['hosts'], host: string | undefined): void {
  if (hosts === null || (host !== undefined && hosts.has(hostName(host)))) return;
  throw new Refusal(400, 'BadRequest', { message: 'this server does not answer under that host name' });
}

function register(parts: Parts, at: { passage: Passage; admitted: Admitted; end(): void }): LiveConnection {
  const { claims, workspace } = at.admitted;
  const connection: LiveConnection = {
    userId: claims.sub,
    sessionId: claims.sid,
    workspaceId: workspace.id,
    organizationId: workspace.organizationId,
    epoch: claims.ep,
    expiresAtMs: claims.exp * 1000,
    longRunning: at.passage.verb.longRunning,
    end: at.end,
  };
  parts.connections.add(connection);
  return connection;
}

function record({ records, clock }: Parts, of: { passage: Passage; admitted: Admitted }, told: Told): void {
  const { path, verb } = of.passage;
  const entry = { ...entryOf(of, told), atMs: clock.now() };
  records.record(entry, {
    combine: verb.readOnly && !verb.longRunning,
    object: () => requestObject(path.slice(0, pathMax)),
  });
}

function refusalFor(error: unknown, log: Logger): Refusal {
  if (error instanceof Refusal) return error;
  log.error({ error }, 'the gateway failed');
  return new Refusal(500, 'InternalError', { message: 'Internal error occurred' });
}
