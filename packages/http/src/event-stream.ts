import { decide } from '@hexabase/authz/decide.ts';
import { membershipIn, type Actor } from '@hexabase/kernel/actor.ts';
import { AppError } from '@hexabase/kernel/errors.ts';
import type { OrganizationId } from '@hexabase/kernel/id.ts';
import type { Logger } from '@hexabase/kernel/log.ts';
import type { FastifyInstance, FastifyReply, FastifyRequest } from 'fastify';
import { requestToken } from './auth/request-token.ts';
import type { RateLimiter } from './rate-limit.ts';

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
  /** What the actor may see of a change, or null when it is gone. */
  read(actor: Actor, change: Change): Promise<unknown>;
}

interface StreamDeps {
  changes: ChangeFeed;
  authenticate(token: string): Promise<Actor>;
  limiter: RateLimiter;
  log: Logger;
}

const heartbeatMs = 15_000;
const reauthenticateMs = 60_000;
const queueMax = 1_000;
const unreadBytesMax = 1024 * 1024;

/**
 * `GET /api/v1/events/stream`: server-sent events about the caller's organizations (event = noun, data = its present
 * representation; `sync` = look at everything again). Ends with the session, and within a second of a revocation.
 */
export function mountEventStream(app: FastifyInstance, deps: StreamDeps): void {
  const open = new Set<() => void>();
  app.addHook('preClose', async () => open.forEach((end) => end()));
  app.get('/api/v1/events/stream', async (request, reply) => {
    const token = requestToken(request);
    const actor = await deps.authenticate(token);
    await deps.limiter.take({ session: actor.sessionId, account: actor.userId }, reply);
    // What the stream tells is of whole organizations.
    if (typeof actor.token?.scope === 'object') throw new AppError('forbidden');
    if (request.raw.method === 'HEAD') return reply.type('text/event-stream').send();
    const end = startStream(deps, { request, reply, actor, token });
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
}

function startStream(deps: StreamDeps, { request, reply, actor: first, token }: Stream): () => void {
  let actor = first;
  const resources = new DisposableStack();
  const pending = new Map<string, Change>();
  let writing = false;
  const end = () => {
    if (!resources.disposed) resources.dispose();
    reply.raw.end();
  };
  const reauthenticate = async () => {
    try {
      actor = await deps.authenticate(token);
    } catch (error) {
      if (error instanceof AppError && error.status >= 500) return;
      end();
    }
  };
  const drain = async () => {
    if (writing) return;
    writing = true;
    for (const [key, change] of pending) {
      pending.delete(key);
      const data = await deps.changes.read(actor, change);
      send(reply, data === null ? `${change.noun}-gone` : change.noun, data ?? { id: change.id });
    }
    writing = false;
  };

  beginStream(reply);
  send(reply, 'sync', { requestId: request.id });
  resources.use(
    deps.changes.subscribe((change) => {
      if (change === null || pending.size >= queueMax) return send(reply, 'sync', {});
      // Who is let in by a grant asks for each thing, so that it is recorded.
      const { organizationId } = change;
      const mayLook = decide(actor, 'workspace:read', { organizationId }).allowed;
      if (!mayLook || membershipIn(actor, organizationId)?.grant) return;
      // Several changes of one thing become one event: only the present state is told.
      pending.set(`${change.noun} ${change.id}`, change);
      drain().catch((error: unknown) => {
        deps.log.warn({ error, requestId: request.id }, 'an event stream could not be written and was ended');
        end();
      });
    }),
  );
  resources.use(
    deps.changes.onRevocation((userId) => {
      if (userId === null || userId === actor.userId) void reauthenticate();
    }),
  );
  resources.adopt(
    setInterval(() => reply.raw.write(':\n\n'), heartbeatMs),
    clearInterval,
  );
  resources.adopt(
    setInterval(() => void reauthenticate(), reauthenticateMs),
    clearInterval,
  );
  return end;
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

function send(reply: FastifyReply, event: string, data: unknown): void {
  if (reply.raw.writableEnded || reply.raw.destroyed) return;
  reply.raw.write(`event: ${event}\ndata: ${JSON.stringify(data)}\n\n`);
  // Who does not read what comes is let go and may come again, before this process fills up.
  if (reply.raw.writableLength > unreadBytesMax) reply.raw.destroy();
}
