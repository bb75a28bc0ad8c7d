import { decide } from '@hexabase/authz/decide.ts';
import { membershipIn, type Actor } from '@hexabase/kernel/actor.ts';
import { AppError } from '@hexabase/kernel/errors.ts';
import { brandId, type OrganizationId } from '@hexabase/kernel/id.ts';
import type { Logger } from '@hexabase/kernel/log.ts';
import type { FastifyInstance, FastifyReply, FastifyRequest } from 'fastify';
import { requestToken } from './auth/request-token.ts';
import type { RateLimiter } from './rate-limit.ts';
import { atMost } from './streams/at-most.ts';
import { eventText, shareChanges } from './streams/shared-changes.ts';
import { createStreamPlaces, defaultStreamLimits, type StreamLimits } from './streams/stream-places.ts';

/** Something of an organization has changed. It says where to look, never what is there now. */
export interface Change {
  noun: string;
  organizationId: OrganizationId;
  id: string;
}

export interface ChangeFeed {
  /** Calls `listener` for each change until disposed; `null` means that some may have been missed. */
  subscribe(listener: (change: Change | null) => void): Disposable;
  /** Calls `listener` with a user whose rights have changed; `null` means that some may have been missed. */
  onRevocation(listener: (userId: string | null) => void): Disposable;
  /** What members of its organization see of a change, or null when it is gone. */
  read(change: Change): Promise<unknown>;
}

interface StreamDeps {
  changes: ChangeFeed;
  authenticate(token: string): Promise<Actor>;
  limiter: RateLimiter;
  log: Logger;
  streamLimits?: Partial<StreamLimits>;
}

const heartbeatMs = 15_000;
const reauthenticateMs = 60_000;
const unreadBytesMax = 256 * 1024;
/** Streams that look at once whether they may go on, when many are asked to. */
const looksMax = 4;

/**
 * `GET /api/v1/events/stream`: server-sent events about the caller's organizations (event = noun, data = its present
 * representation; `sync` = look at everything again). Ends with the session, and within a second of a revocation. Throws
 * `rate_limited` for who has too many open. Who does not read is let go.
 */
export function mountEventStream(app: FastifyInstance, deps: StreamDeps): void {
  const open = new Set<() => void>();
  const places = createStreamPlaces({ ...defaultStreamLimits, ...deps.streamLimits });
  const shared = shareChanges(deps);
  const inTurn = atMost(looksMax);
  app.addHook('preClose', async () => {
    open.forEach((end) => end());
    shared[Symbol.dispose]();
  });
  app.get('/api/v1/events/stream', async (request, reply) => {
    const token = requestToken(request);
    const actor = await deps.authenticate(token);
    await deps.limiter.take({ session: actor.sessionId, account: actor.userId }, reply);
    // What the stream tells is of whole organizations.
    if (typeof actor.token?.scope === 'object') throw new AppError('forbidden');
    if (request.raw.method === 'HEAD') return reply.type('text/event-stream').send();
    const { userId } = actor;
    const place = places.take({ userId, organizationIds: organizationsOf(actor) });
    const end = startStream({ ...deps, shared, inTurn }, { request, reply, actor, token, place });
    open.add(end);
    reply.raw.once('close', () => {
      open.delete(end);
      end();
    });
  });
}

interface Stream {
  request: FastifyRequest;
  reply: FastifyReply;
  actor: Actor;
  token: string;
  place: Disposable;
}

type Sharing = StreamDeps & {
  shared: Pick<ReturnType<typeof shareChanges>, 'join'>;
  inTurn: ReturnType<typeof atMost>;
};

function startStream(deps: Sharing, { request, reply, actor: first, token, place }: Stream): () => void {
  let actor = first;
  const resources = new DisposableStack();
  resources.use(place);
  const end = () => {
    resources.dispose();
    reply.raw.end();
  };
  const listening = resources.use(
    deps.shared.join({
      // Who is let in by a grant asks for each thing, so that it is recorded.
      mayHear: (organizationId) =>
        decide(actor, 'workspace:read', { organizationId: brandId(organizationId) }).allowed &&
        !membershipIn(actor, brandId(organizationId))?.grant,
      tell: (event) => send(reply, event),
    }),
  );
  const reauthenticate = async () => {
    if (resources.disposed) return;
    try {
      actor = await deps.authenticate(token);
      if (!resources.disposed) listening.hear(organizationsOf(actor));
    } catch (error) {
      if (error instanceof AppError && error.status >= 500) return;
      end();
    }
  };

  beginStream(reply);
  send(reply, eventText('sync', { requestId: request.id }));
  listening.hear(organizationsOf(actor));
  resources.use(
    deps.changes.onRevocation((userId) => {
      if (userId === actor.userId) void reauthenticate();
      // Somebody of many: those that are named do not wait behind these.
      if (userId === null) void deps.inTurn(reauthenticate);
    }),
  );
  resources.adopt(
    setInterval(() => send(reply, ':\n\n'), heartbeatMs),
    clearInterval,
  );
  resources.adopt(
    setInterval(() => void deps.inTurn(reauthenticate), reauthenticateMs),
    clearInterval,
  );
  return end;
}

function organizationsOf(actor: Actor): string[] {
  return actor.memberships.map((membership) => membership.organizationId);
}

/** From here on the answer is ours: fastify sends nothing any more. */
function beginStream(reply: FastifyReply): void {
  reply.hijack();
  for (const [name, value] of Object.entries(reply.getHeaders()))
    if (value !== undefined) reply.raw.setHeader(name, value);
  reply.raw.writeHead(200, {
    'content-type': 'text/event-stream; charset=utf-8',
    'cache-control': 'no-store',
    'x-accel-buffering': 'no',
  });
}

function send(reply: FastifyReply, event: string): void {
  if (reply.raw.writableEnded || reply.raw.destroyed) return;
  reply.raw.write(event);
  // Who does not read what comes is let go and may come again, before this process fills up.
  if (reply.raw.writableLength > unreadBytesMax) reply.raw.destroy();
}
