import type { Actor } from '@hexabase/kernel/actor.ts';
import { clientAddress, noProxies, type TrustedProxies } from '@hexabase/kernel/client-address.ts';
import { AppError } from '@hexabase/kernel/errors.ts';
import { newId } from '@hexabase/kernel/id.ts';
import { runFrom, type RequestOrigin } from '@hexabase/kernel/request-origin.ts';
import Fastify, { type FastifyInstance, type FastifyReply, type FastifyRequest } from 'fastify';
import { authRoutes } from './auth/auth-routes.ts';
import { mountEventStream } from './event-stream.ts';
import type { HttpDeps } from './http-deps.ts';
import { mountHealth } from './health.ts';
import { mountOperations } from './mount-operations.ts';
import { mountPages } from './pages/mount-pages.ts';
import { createRateLimiter, defaultRateLimit } from './rate-limit.ts';
import { clientErrorText, sendError } from './request-errors.ts';
import { requireKnownHost, requireOwnPage, setSecurityHeaders } from './security.ts';
import { answerUnknown, collectRoutes } from './unknown-routes.ts';

declare module 'fastify' {
  interface FastifyRequest {
    actor: Actor | null;
    /** From `performance.now()`. */
    startedAtMs: number;
  }
}

const bodyBytesMax = 64 * 1024;
const parameterLengthMax = 254;

/**
 * The HTTP side of the product: every operation of the contract, signing in, health, metrics, OpenAPI and two pages.
 * It listens to nothing yet; the caller does, and closes it.
 */
export async function createHttp(deps: HttpDeps): Promise<FastifyInstance> {
  const issuer = deps.auth && new URL(deps.auth.identity.issuer);
  const app = Fastify({
    bodyLimit: bodyBytesMax,
    genReqId: () => newId<'Request'>(deps.clock.now()),
    requestIdHeader: false,
    forceCloseConnections: 'idle',
    routerOptions: { maxParamLength: parameterLengthMax },
    frameworkErrors: (error, request, reply) => {
      // These come before any hook has run.
      setCommonHeaders(request, reply, issuer);
      void sendError(request, reply, { error, log: deps.log });
    },
    clientErrorHandler: (_error, socket) => {
      if (socket.writable) socket.end(clientErrorText(newId<'Request'>(deps.clock.now())));
    },
  });
  app.decorateRequest('actor', null);
  app.decorateRequest('startedAtMs', 0);
  const routes = collectRoutes(app);
  addHooks(app, deps, issuer);
  parseOnlyJson(app);
  app.setErrorHandler((error, request, reply) => sendError(request, reply, { error, log: deps.log }));
  const limit = { ...defaultRateLimit, ...deps.rateLimit };
  const limiter = createRateLimiter({ ...deps, limit, book: deps.bookRequests });
  app.setNotFoundHandler(async (request, reply) => {
    await limiter.take({ address: request.ip }, reply);
    const answer = answerUnknown(routes, request, reply);
    if (answer instanceof AppError) throw answer;
    return answer;
  });
  mountHealth(app, deps);
  mountPages(app, deps);
  mountOperations(app, deps, limiter);
  if (deps.changes) mountEventStream(app, { ...deps, limiter, changes: deps.changes });
  const { auth } = deps;
  if (auth) {
    await app.register(async (scope) => {
      scope.addHook('onRequest', async (request, reply) => limiter.take({ address: request.ip }, reply));
      await authRoutes(scope, auth);
    });
  }
  return app;
}

function addHooks(app: FastifyInstance, deps: HttpDeps, issuer: URL | undefined): void {
  const allowedHosts = new Set(deps.allowedHosts.map((host) => host.toLowerCase()));
  app.addHook('onRequest', async (request, reply) => {
    request.startedAtMs = performance.now();
    readAddress(request, deps.trustedProxies);
    setCommonHeaders(request, reply, issuer);
    if (request.routeOptions.config.anyHost !== true) requireKnownHost(request.headers.host, allowedHosts);
    requireOwnPage(request, issuer);
  });
  // Twice: what reads a body goes on outside of what was begun before it.
  for (const hook of ['onRequest', 'preValidation'] as const)
    app.addHook(hook, (request: FastifyRequest, _reply: FastifyReply, done: () => void) =>
      runFrom(originOf(request), done),
    );
  app.addHook('onResponse', async (request, reply) => {
    deps.metrics.observeRequest({
      method: request.method,
      route: request.routeOptions.url ?? 'unknown',
      status: reply.statusCode,
      seconds: (performance.now() - request.startedAtMs) / 1000,
      operation: request.routeOptions.config.operation ?? null,
    });
  });
}

/**
 * In place of the framework's own trust in proxies, which would believe their word on host and protocol too. Also without
 * a proxy: a socket for both families gives IPv4 addresses in the clothes of IPv6.
 */
function readAddress(request: FastifyRequest, trusted: TrustedProxies = noProxies): void {
  const address = clientAddress(request, trusted);
  if (address !== '' && address !== request.ip) Object.defineProperty(request, 'ip', { value: address });
}

function originOf(request: FastifyRequest): RequestOrigin {
  const agent = request.headers['user-agent'] ?? null;
  return { requestId: request.id, address: request.ip, agent };
}

function setCommonHeaders(request: FastifyRequest, reply: FastifyReply, issuer: URL | undefined): void {
  setSecurityHeaders(request, reply, issuer);
  reply.header('x-request-id', request.id);
}

/** JSON in UTF-8 only (RFC 8259 §8.1); `__proto__` is refused. */
function parseOnlyJson(app: FastifyInstance): void {
  app.removeAllContentTypeParsers();
  const decoder = new TextDecoder('utf-8', { fatal: true });
  app.addContentTypeParser('application/json', { parseAs: 'buffer' }, (_request, body, done) => {
    if (body.length === 0) return done(null, undefined);
    try {
      done(null, parseJson(decoder.decode(typeof body === 'string' ? Buffer.from(body) : body)));
    } catch (cause) {
      done(cause instanceof AppError ? cause : new AppError('malformed_json', { cause }));
    }
  });
}

function parseJson(text: string): unknown {
  return JSON.parse(text, (key: string, value: unknown) => {
    if (key === '__proto__')
      throw new AppError('unknown_field', {
        details: { fields: [{ path: key, message: 'there is no such field' }] },
      });
    return value;
  });
}
