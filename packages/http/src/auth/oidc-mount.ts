import type { FastifyInstance } from 'fastify';
import type { OidcHandler } from './auth-port.ts';

/**
 * The provider adds the hashes of its own scripts to `script-src` where it has any; without one it would not. Alone,
 * `'report-sample'` allows no script; `'none'` beside a hash is a mistake that browsers complain of.
 */
const providerPolicy =
  "default-src 'none'; script-src 'report-sample'; base-uri 'none'; frame-ancestors 'none'";

/**
 * Hands everything under `/oidc` to the OpenID provider, which reads the raw request itself: no body parser of ours may
 * run first. The headers of every answer of ours are on its answers too; our pages bring a narrower policy.
 */
export async function mountOidc(app: FastifyInstance, options: { handler: OidcHandler }): Promise<void> {
  app.removeAllContentTypeParsers();
  app.addContentTypeParser('*', (_request, _payload, done) => done(null));
  app.all('/oidc/*', (request, reply) => {
    reply.header('content-security-policy', providerPolicy);
    for (const [name, value] of Object.entries(reply.getHeaders()))
      if (value !== undefined) reply.raw.setHeader(name, value);
    reply.hijack();
    options.handler(request.raw, reply.raw);
  });
}
