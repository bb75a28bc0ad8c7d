import type { FastifyInstance } from 'fastify';
import type { HttpDeps } from '../http-deps.ts';
import { openApiDocument } from '../openapi.ts';
import { docsPage } from './docs.ts';
import { sendPage } from './html.ts';
import { landingPage } from './landing.ts';

/** `/`, `/docs` and `/openapi.json`. */
export function mountPages(app: FastifyInstance, deps: HttpDeps): void {
  const openApi = JSON.stringify(openApiDocument({ version: deps.version }));
  const docs = docsPage();

  app.get('/', async (_request, reply) => {
    const ready = await deps.ping().then(
      () => true,
      () => false,
    );
    return sendPage(reply, 'Hexabase AI', landingPage(deps.landing?.() ?? null, { ready }));
  });
  app.get('/docs', async (_request, reply) => sendPage(reply, 'Hexabase AI API', docs));
  app.get('/openapi.json', async (_request, reply) =>
    reply.type('application/json; charset=utf-8').send(openApi),
  );
}
