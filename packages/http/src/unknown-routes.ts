import { AppError } from '@hexabase/kernel/errors.ts';
import type { FastifyInstance, FastifyReply } from 'fastify';

export interface KnownRoutes {
  /** The methods that an address takes; empty when there is no such address. */
  methodsOf(path: string): string[];
}

/** Collects the routes of the server as they are registered, to tell a wrong method from a wrong address. */
export function collectRoutes(app: FastifyInstance): KnownRoutes {
  const routes: { pattern: RegExp; methods: string[] }[] = [];
  app.addHook('onRoute', (route) => {
    const source = route.url
      .replace(/[.*+?^${}()|[\]\\]/g, '\\$&')
      .replace(/:\w+/g, '[^/]+')
      .replace(/\\\*/g, '.*');
    routes.push({ pattern: new RegExp(`^${source}$`), methods: [route.method].flat() });
  });
  return {
    methodsOf: (path) =>
      [
        ...new Set(routes.filter((route) => route.pattern.test(path)).flatMap((route) => route.methods)),
      ].sort(),
  };
}

/** Answers OPTIONS with what an address takes, and throws `method_not_allowed` or `not_found` for the rest. */
export function answerUnknown(
  routes: KnownRoutes,
  request: { method: string; url: string },
  reply: FastifyReply,
): FastifyReply | AppError {
  const methods = routes.methodsOf(request.url.split('?')[0] ?? '');
  if (methods.length === 0) return new AppError('not_found');
  reply.header('allow', [...methods, 'OPTIONS'].join(', '));
  return request.method === 'OPTIONS' ? reply.status(204).send() : new AppError('method_not_allowed');
}
