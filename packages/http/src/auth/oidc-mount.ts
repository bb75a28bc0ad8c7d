import type { FastifyInstance } from 'fastify';
import type { OidcHandler } from './auth-port.ts';

/**
 * Hands everything under `/oidc` to the OpenID provider, which reads the raw request itself: no body parser of ours may
 * run first, and the answer is the provider's alone.
 */
export async function mountOidc(app: FastifyInstance, options: { handler: OidcHandler }): Promise<void> {
  app.removeAllContentTypeParsers();
  app.addContentTypeParser('*', (_request, _payload, done) => done(null));
  app.all('/oidc/*', (request, reply) => {
    reply.raw.setHeader('x-request-id', request.id);
    reply.hijack();
    options.handler(request.raw, reply.raw);
  });
}
