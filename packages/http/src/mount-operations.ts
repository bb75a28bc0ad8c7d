import { Readable } from 'node:stream';
import { allOperations } from '@hexabase/contract/all-operations.ts';
import type { AnswerStream } from '@hexabase/contract/call.ts';
import type { Operation } from '@hexabase/contract/operation.ts';
import type { Actor } from '@hexabase/kernel/actor.ts';
import type { FastifyInstance, FastifyReply, FastifyRequest } from 'fastify';
import { requestToken } from './auth/request-token.ts';
import { encoderOf } from './encode-answer.ts';
import type { HttpDeps } from './http-deps.ts';
import { idempotencyKeyOf, inputParser } from './parse-input.ts';
import type { RateLimiter } from './rate-limit.ts';

declare module 'fastify' {
  interface FastifyContextConfig {
    /** Id of the contract's operation that a route serves. */
    operation?: string;
  }
}

const requestTimeoutMsDefault = 30_000;

/** One route per operation of the contract: authenticate → parse → run → encode. */
export function mountOperations(app: FastifyInstance, deps: HttpDeps, limiter: RateLimiter): void {
  for (const { operation } of allOperations()) {
    app.route({
      method: operation.method,
      url: operation.path.replace(/\{(\w+)\}/g, ':$1'),
      bodyLimit: operation.bodyLimitBytes,
      config: { operation: operation.id },
      // Before the body is read: who is not signed in makes us parse nothing.
      onRequest: async (request, reply) => {
        request.actor = await identify(operation, { request, reply, deps, limiter });
      },
      handler: operationHandler(operation, deps, limiter),
    });
  }
}

interface Identify {
  request: FastifyRequest;
  reply: FastifyReply;
  deps: HttpDeps;
  limiter: RateLimiter;
}

async function identify(
  operation: Operation,
  { request, reply, deps, limiter }: Identify,
): Promise<Actor | null> {
  if (operation.access.kind === 'public') {
    await limiter.take({ address: request.ip }, reply);
    return null;
  }
  let actor: Actor;
  try {
    actor = await deps.authenticate(requestToken(request));
  } catch (error) {
    await limiter.take({ address: request.ip }, reply);
    throw error;
  }
  await limiter.take({ session: actor.sessionId, account: actor.userId }, reply);
  return actor;
}

function operationHandler(operation: Operation, deps: HttpDeps, limiter: RateLimiter) {
  const parse = inputParser(operation);
  const encode = encoderOf(operation);
  return async (request: FastifyRequest, reply: FastifyReply): Promise<FastifyReply> => {
    const input = parse({ params: request.params, query: request.query, body: request.body });
    const answer = await deps.execute({
      ...input,
      operation,
      actor: request.actor,
      requestId: request.id,
      idempotencyKey:
        operation.method === 'POST' ? idempotencyKeyOf(request.headers['idempotency-key']) : null,
      ifMatch: request.headers['if-match'] ?? null,
      countFor: limiter.organizations,
      askAgain: () => deps.authenticate(requestToken(request), request.actor ?? undefined),
      signal: AbortSignal.timeout(deps.requestTimeoutMs ?? requestTimeoutMsDefault),
    });
    if (answer.etag !== undefined) reply.header('etag', answer.etag);
    if (answer.replayed) reply.header('idempotency-replayed', 'true');
    reply.status(operation.status).header('cache-control', 'no-store');
    if (operation.status === 204) return reply.send();
    if (answer.stream) return sendStream(reply, answer.stream);
    const { total = 0, totalIsMinimum } = answer;
    const meta = operation.paged
      ? { ...pageOf(input.query), total, totalIsMinimum, requestId: request.id }
      : { requestId: request.id };
    return reply.type('application/json; charset=utf-8').send(encode({ data: answer.data, meta }));
  };
}

const lookEveryMs = 1_000;

/**
 * Pieces are made as fast as they are read; who goes away ends the making. Whoever loses the session, the API token or the
 * right meanwhile is cut off: before the next piece, and within a second where none is read.
 */
function sendStream(reply: FastifyReply, stream: AnswerStream): FastifyReply {
  const { type, fileName, mayGoOn } = stream;
  const body = Readable.from(whileAllowed(stream));
  const timer = setInterval(() => void mayGoOn?.().catch((error: Error) => body.destroy(error)), lookEveryMs);
  body.once('close', () => clearInterval(timer));
  return reply.type(type).header('content-disposition', `attachment; filename="${fileName}"`).send(body);
}

async function* whileAllowed({ chunks, mayGoOn }: AnswerStream): AsyncGenerator<string> {
  for await (const chunk of chunks) {
    await mayGoOn?.();
    yield chunk;
  }
}

function pageOf(query: unknown): { page: number; limit: number } {
  const { page, limit } =
    query !== null && typeof query === 'object' && 'page' in query && 'limit' in query
      ? query
      : { page: 1, limit: 0 };
  return { page: Number(page), limit: Number(limit) };
}
