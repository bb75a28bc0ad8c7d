import type { IncomingMessage, ServerResponse } from 'node:http';
import type { Duplex } from 'node:stream';
import type { ClusterDriver, Upstream } from '@hexabase/cluster/port.ts';
import type { TrustedProxies } from '@hexabase/kernel/client-address.ts';
import type { Clock } from '@hexabase/kernel/clock.ts';
import { brandId } from '@hexabase/kernel/id.ts';
import type { Logger } from '@hexabase/kernel/log.ts';
import { createTurns } from '@hexabase/kernel/process/turns.ts';
import type { KubeAccess } from '@hexabase/oidc/kube-access.ts';
import { gatewayPrefix, gatewayRoutes } from './address.ts';
import { createAdmission, type Admitted } from './admit.ts';
import { wordsOf } from './answer/access-entry.ts';
import { followOutcome } from './answer/outcome.ts';
import { onStatusLine } from './answer/told-status.ts';
import { connectionTurns, type Turns } from './answer/turns.ts';
import { whileThere } from './answer/while-there.ts';
import { enter, record, takePlace, type Entrance } from './enter.ts';
import { createHold, type Hold, type Waker } from './hold.ts';
import { defaultLimits, type GatewayLimits } from './limits/shares.ts';
import { liveConnections, type LiveConnection, type LiveConnections } from './live-connections.ts';
import { passageOf, type Passage } from './passage.ts';
import { accessLog, type AccessAudit } from './record/access-log.ts';
import { Refusal, sendRefusal, sendRefusalOnSocket, unavailable } from './refusal.ts';
import { dropUntrustedHeaders } from './request-headers.ts';
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
  wake?: (workspaceId: string, waker: Waker) => Promise<void>;
  /** So that nobody takes all of the process. */
  limits?: Partial<GatewayLimits>;
}

/** The door to the clusters of workspaces: `/k8s/workspaces/<id>/…` on the https server. */
export interface Gateway extends AsyncDisposable {
  /** Method and address of what it answers. */
  readonly routes: readonly string[];
  /** Whether a URL is the gateway's to answer. */
  owns(url: string): boolean;
  /** To be told of each request of the server that it does not handle: an upgrade waits for none that is not answered. */
  passedBy(request: IncomingMessage, response: ServerResponse): void;
  handle(request: IncomingMessage, response: ServerResponse): void;
  /** Whether a request that asks for an upgrade gets it (`shouldUpgradeCallback` of the server), or is handled like the others. */
  upgrades(request: IncomingMessage): boolean;
  upgrade(request: IncomingMessage, socket: Duplex, head: Buffer): void;
  stats(): { connections: number; held: number };
}

interface Parts extends Entrance {
  connections: LiveConnections;
  hold: Hold | null;
  uses: UseNotes;
  turns: Turns;
}

/** One for all: an `AbortController` that is given none makes an exception with its stack for each request. */
const over = new Error('the request is over');

/** Starts listening for revocations and answers the gateway. Disposing it ends every connection and writes the last entries. */
export async function createGateway(deps: GatewayDeps): Promise<Gateway> {
  const { parts, opened } = await openParts(deps);
  return {
    routes: gatewayRoutes,
    owns: (url) => url.startsWith(gatewayPrefix),
    passedBy: parts.turns.came,
    handle(request, response) {
      parts.turns.came(request, response);
      // Node drops what came behind one that could have been an upgrade.
      if (request.headers.upgrade !== undefined) response.shouldKeepAlive = false;
      parts.turns.begin(request, response, () => {
        serve(parts, deps, { request, response }).catch((error: unknown) => {
          if (!response.destroyed) sendRefusal(response, refusalFor(error, deps.log));
        });
      });
    },
    upgrades: parts.turns.mayUpgrade,
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
  const limits = { ...defaultLimits, ...deps.limits };
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
    parts: {
      admission,
      connections,
      records,
      hold,
      uses,
      limits,
      clock,
      hosts,
      places: createTurns(),
      turns: connectionTurns(),
    },
    opened: opening.move(),
  };
}

async function serve(
  parts: Parts,
  deps: GatewayDeps,
  { request, response }: { request: IncomingMessage; response: ServerResponse },
): Promise<void> {
  const passage = passageOf(request, deps.trustedProxies);
  nameForAudit(passage);
  response.setHeader('audit-id', passage.requestId);
  const admitted = await enter(parts, passage, 'request');
  const of = { passage, admitted };
  // Nothing was passed on, and that it closed has been told already.
  if (response.destroyed) return record(parts, of, { status: 0, stage: 'ended' });
  const place = takePlace(parts, of);
  const outcome = followOutcome(
    { request, response, verb: passage.verb },
    (told) => record(parts, of, told),
    () => parts.connections.remove(connection),
  );
  const connection = register(parts, { admitted, place, end: () => outcome.end() });
  request.url = passage.url;
  dropUntrustedHeaders(request.headers);
  const upstream = await wayTo(parts, deps, { ...of, signal: outcome.signal });
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
  nameForAudit(passage);
  const upgraded = { ...passage, verb: { ...passage.verb, readOnly: false, longRunning: true } };
  const admitted = await enter(parts, upgraded, 'upgrade');
  const of = { passage: upgraded, admitted };
  if (socket.destroyed) return record(parts, of, { status: 0, stage: 'ended' });
  const place = takePlace(parts, of);
  const gone = new AbortController();
  const connection = register(parts, { admitted, place, end: () => socket.destroy() });
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
  const upstream = await whileThere(socket, () => wayTo(parts, deps, { ...of, signal: () => gone.signal }));
  if (socket.destroyed) return;
  isSent = true;
  passOnUpgrade(upstream, { request, socket, head, failed: (error) => noAnswer(deps, admitted, error) });
}

/** Cluster and client know a request by the id under which it is recorded, whatever the client called it. */
function nameForAudit({ request, requestId }: Passage): void {
  request.headers['audit-id'] = requestId;
}

/** Waits for a sleeping workspace to wake, then says where its API is. Throws `Refusal`. */
async function wayTo(
  { hold, uses }: Parts,
  { driver, log }: GatewayDeps,
  { passage, admitted, signal }: { passage: Passage; admitted: Admitted; signal(): AbortSignal },
): Promise<Upstream> {
  const { claims, workspace } = admitted;
  uses.used(workspace.id);
  if (!workspace.servable) {
    if (!hold) throw unavailable('the workspace is asleep');
    const { id: workspaceId, organizationId } = workspace;
    const words = wordsOf({ passage, admitted });
    await hold.untilAwake({ userId: claims.sub, workspaceId, organizationId, words }, signal());
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

function register(parts: Parts, at: { admitted: Admitted; place: Disposable; end(): void }): LiveConnection {
  const { claims, workspace } = at.admitted;
  const connection: LiveConnection = {
    userId: claims.sub,
    sessionId: claims.sid,
    workspaceId: workspace.id,
    organizationId: workspace.organizationId,
    epoch: claims.ep,
    expiresAtMs: claims.exp * 1000,
    place: at.place,
    end: at.end,
  };
  parts.connections.add(connection);
  return connection;
}

function refusalFor(error: unknown, log: Logger): Refusal {
  if (error instanceof Refusal) return error;
  log.error({ error }, 'the gateway failed');
  return new Refusal(500, 'InternalError', { message: 'Internal error occurred' });
}
