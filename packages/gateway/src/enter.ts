import type { Clock } from '@hexabase/kernel/clock.ts';
import { hostName } from '@hexabase/kernel/host-name.ts';
import type { Admission, Admitted } from './admit.ts';
import { entryOf, type Told } from './answer/access-entry.ts';
import { asksUpgrade } from './answer/turns.ts';
import type { HoldLimits } from './hold.ts';
import type { LiveConnections } from './live-connections.ts';
import type { Passage } from './passage.ts';
import type { AccessLog } from './record/access-log.ts';
import { Refusal, unavailable } from './refusal.ts';
import { isBodiless, refuseForeignIdentity, requireOneHost } from './request-headers.ts';
import { requestObject } from './request-verb.ts';

export interface GatewayLimits extends HoldLimits {
  /** Requests in flight (an API server takes 400 reads and 200 writes). */
  short: number;
  /** Watches, followed logs and shells that are open. */
  long: number;
}

/** What is asked before a request is let in, and where it is written. */
export interface Entrance {
  admission: Admission;
  connections: LiveConnections;
  records: AccessLog;
  limits: GatewayLimits;
  clock: Clock;
  /** Names that a Host header may hold; any when null. */
  hosts: ReadonlySet<string> | null;
}

/** Everything that can refuse a request, in one order for requests and upgrades. Throws `Refusal`. */
export async function enter(at: Entrance, passage: Passage, way: 'request' | 'upgrade'): Promise<Admitted> {
  requireKnownHost(at.hosts, requireOneHost(passage.request.rawHeaders));
  const admitted = await at.admission.admit(passage.request, passage.workspace);
  const { id: workspaceId, organizationId } = admitted.workspace;
  // Nothing of it may be kept, so that it is refused comes before all that would be told of it.
  if (!at.records.admits({ organizationId, workspaceId, atMs: at.clock.now() }))
    throw unavailable('access cannot be recorded right now');
  try {
    refuseForeignIdentity(passage.request.rawHeaders);
    refuseWrongUpgrade(passage.request, way);
    refuseTooMany(at, { workspaceId, longRunning: passage.verb.longRunning });
  } catch (error) {
    if (error instanceof Refusal) record(at, { passage, admitted }, { status: error.status, stage: 'ended' });
    throw error;
  }
  return admitted;
}

export function record(
  { records, clock }: Pick<Entrance, 'records' | 'clock'>,
  of: { passage: Passage; admitted: Admitted },
  told: Told,
): void {
  const { path, verb } = of.passage;
  const entry = { ...entryOf(of, told), atMs: clock.now() };
  records.record(entry, {
    combine: verb.readOnly && !verb.longRunning,
    object: () => requestObject(path),
  });
}

/** A page of another name that resolves to us must not drive us (DNS rebinding). */
function requireKnownHost(hosts: Entrance['hosts'], host: string | undefined): void {
  if (hosts === null || (host !== undefined && hosts.has(hostName(host)))) return;
  throw new Refusal(400, 'BadRequest', { message: 'this server does not answer under that host name' });
}

/** The server lets only those through that may take their connection; another that asks for it is not served as less. */
function refuseWrongUpgrade(request: Passage['request'], way: 'request' | 'upgrade'): void {
  const asks = asksUpgrade(request);
  if (way === 'request' ? !asks : asks && isBodiless(request)) return;
  throw new Refusal(400, 'BadRequest', {
    message:
      'an upgrade to WebSocket or SPDY comes without a body, and after the answers to all that was asked before it',
  });
}

function refuseTooMany(
  { connections, limits }: Entrance,
  of: { workspaceId: string; longRunning: boolean },
): void {
  const open = connections.count(of.workspaceId);
  if (of.longRunning ? open.long < limits.long : open.short < limits.short) return;
  throw new Refusal(429, 'TooManyRequests', {
    message: 'too many requests to this workspace at once',
    retryAfterSeconds: 1,
  });
}
