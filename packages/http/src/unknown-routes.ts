import { AppError } from '@hexabase/kernel/errors.ts';
import type { FastifyInstance, FastifyReply } from 'fastify';

export interface KnownRoutes {
  /** The methods that an address takes; empty when there is no such address. */
  methodsOf(path: string): string[];
  /** Method and address, as registered, of what is not made from an operation of the contract; `*` is every method. */
  outsideContract(): string[];
}

declare module 'fastify' {
  interface FastifyInstance {
    knownRoutes: KnownRoutes;
  }
}

/** Collects the routes of the server as they are registered, to tell a wrong method from a wrong address. */
export function collectRoutes(app: FastifyInstance): KnownRoutes {
  const routes: { pattern: RegExp; methods: string[]; url: string; isOperation: boolean }[] = [];
  app.addHook('onRoute', (route) => {
    const source = route.url
      .replace(/[.*+?^${}()|[\]\\]/g, '\\$&')
      .replace(/:\w+/g, '[^/]+')
      .replace(/\\\*/g, '.*');
    const isOperation = route.config?.operation !== undefined;
    const methods = [route.method].flat();
    routes.push({ pattern: new RegExp(`^${source}$`), methods, url: route.url, isOperation });
  });
  const known: KnownRoutes = {
    outsideContract: () =>
      routes
        .filter(({ isOperation, methods }) => !isOperation && methods.join() !== 'HEAD')
        .map(({ methods, url }) => `${methods.length > 2 ? '*' : methods[0]} ${url}`)
        .toSorted(),
    methodsOf: (path) =>
      [
        ...new Set(routes.filter((route) => route.pattern.test(path)).flatMap((route) => route.methods)),
      ].sort(),
  };
  app.decorate('knownRoutes', known);
  return known;
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
