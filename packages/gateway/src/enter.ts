import type { Clock } from '@hexabase/kernel/clock.ts';
import { hostName } from '@hexabase/kernel/host-name.ts';
import type { Turns } from '@hexabase/kernel/process/turns.ts';
import type { Admission, Admitted } from './admit.ts';
import { entryOf, type Told } from './answer/access-entry.ts';
import { asksUpgrade } from './answer/turns.ts';
import { sharesOf, type GatewayLimits } from './limits/shares.ts';
import type { Passage } from './passage.ts';
import type { AccessLog } from './record/access-log.ts';
import { Refusal, unavailable } from './refusal.ts';
import { isBodiless, refuseForeignIdentity, requireOneHost } from './request-headers.ts';
import { requestObject } from './request-verb.ts';

/** What is asked before a request is let in, and where it is written. */
export interface Entrance {
  admission: Admission;
  /** Who has how much of us. */
  places: Turns;
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
    return admitted;
  } catch (error) {
    if (error instanceof Refusal) record(at, { passage, admitted }, { status: error.status, stage: 'ended' });
    throw error;
  }
}

/** One of the places of somebody who was let in and is still there; disposing it gives it back. Throws `Refusal` 429. */
export function takePlace(at: Entrance, of: { passage: Passage; admitted: Admitted }): Disposable {
  const { claims, workspace } = of.admitted;
  const taker = { userId: claims.sub, workspaceId: workspace.id, organizationId: workspace.organizationId };
  const what = of.passage.verb.longRunning ? 'long' : 'short';
  const place = at.places.tryTake(sharesOf(what, taker, at.limits));
  if (place) return place;
  record(at, of, { status: 429, stage: 'ended' });
  throw new Refusal(429, 'TooManyRequests', {
    message: 'too many requests at once: of yours, to this workspace or to its organization',
    retryAfterSeconds: 1,
  });
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
