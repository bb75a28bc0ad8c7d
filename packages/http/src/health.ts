import { createHash, timingSafeEqual } from 'node:crypto';
import { AppError } from '@hexabase/kernel/errors.ts';
import type { FastifyInstance, FastifyRequest } from 'fastify';
import type { HttpDeps, MetricsAccess } from './http-deps.ts';

declare module 'fastify' {
  interface FastifyContextConfig {
    /** A route that tells nothing about anybody and changes nothing: it answers under any name. */
    anyHost?: boolean;
  }
}

/** A kubelet and a load balancer ask the address of a pod, which is no name of ours. */
const asked = { config: { anyHost: true } };

/** `/health`: the process lives. `/ready`: it can serve. `/metrics`: its numbers, for those who may read them. */
export function mountHealth(app: FastifyInstance, deps: HttpDeps): void {
  app.get('/health', asked, async (_request, reply) =>
    reply.header('cache-control', 'no-store').send({ status: 'healthy' }),
  );

  app.get('/ready', asked, async (_request, reply) => {
    await deps.ping().catch((cause: unknown) => {
      throw new AppError('database_unavailable', { cause });
    });
    return reply.header('cache-control', 'no-store').send({ status: 'ready' });
  });

  app.get('/metrics', async (request, reply) => {
    requireMetricsAccess(request, deps.metricsAccess ?? { token: null, openOnLoopback: false });
    const { registry } = deps.metrics;
    return reply
      .type(registry.contentType)
      .header('cache-control', 'no-store')
      .send(await registry.metrics());
  });
}

function requireMetricsAccess(request: FastifyRequest, access: MetricsAccess): void {
  if (access.openOnLoopback && isLoopback(request.socket.remoteAddress)) return;
  const given = /^Bearer +(\S+)$/i.exec(request.headers.authorization ?? '')?.[1];
  if (access.token !== null && given !== undefined && sameText(given, access.token)) return;
  throw new AppError('unauthenticated');
}

function isLoopback(address: string | undefined): boolean {
  return address !== undefined && /^(127\.|::1$|::ffff:127\.)/.test(address);
}

function sameText(a: string, b: string): boolean {
  const digest = (text: string) => createHash('sha256').update(text).digest();
  return timingSafeEqual(digest(a), digest(b));
}
