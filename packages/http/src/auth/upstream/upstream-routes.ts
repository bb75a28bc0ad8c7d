import { AppError } from '@hexabase/kernel/errors.ts';
import type { FastifyInstance } from 'fastify';
import * as z from 'zod';
import { parseBody } from '../auth-input.ts';
import type { AuthIdentity, AuthUpstream } from '../auth-port.ts';
import { browserOrigin } from '../browser-origin.ts';
import { answerPageError } from '../page-errors.ts';
import { browserOf, markBrowser } from './browser-cookie.ts';

const provider = z.object({ name: z.string().regex(/^[a-z0-9][a-z0-9-]{0,39}$/) });

/** The pages that ask who somebody is, and nothing else: no browser is ever sent anywhere else from here. */
const ownPage =
  /^\/(?:auth\/authorize\?|device\?user_code=|oidc\/interaction\/[\w-]+$)[\x21-\x5b\x5d-\x7e]*$/;
const startQuery = z.object({ return_to: z.string().max(2_000).regex(ownPage) });

/**
 * `/auth/idp/{name}` sends the browser to an identity provider, `/auth/idp/{name}/callback` takes its answer. Each
 * provider has an address of its own for answers, so that one cannot pass off its answer as another's (RFC 9700 §4.4).
 */
export async function upstreamRoutes(
  app: FastifyInstance,
  { identity, upstream }: { identity: AuthIdentity; upstream: AuthUpstream },
): Promise<void> {
  app.setErrorHandler((error, _request, reply) => answerPageError(error, reply));

  app.get('/auth/idp/:name', async (request, reply) => {
    const { name } = parseBody(provider, request.params);
    const { return_to: returnTo } = parseBody(startQuery, request.query);
    const origin = browserOrigin(request, identity.issuer);
    const browser = markBrowser(request, reply, origin);
    const url = await upstream.start({ provider: name, browser, returnTo, origin });
    return reply.header('cache-control', 'no-store').redirect(url, 303);
  });

  app.get('/auth/idp/:name/callback', async (request, reply) => {
    const { name } = parseBody(provider, request.params);
    const browser = browserOf(request, browserOrigin(request, identity.issuer));
    if (browser === null) {
      throw new AppError('forbidden', {
        message: 'This sign-in was not started in this browser, or too long ago. Go back and start again.',
      });
    }
    const query = request.url.slice(request.url.indexOf('?') + 1);
    const { returnTo } = await upstream.finish({ provider: name, browser, query });
    return reply.header('cache-control', 'no-store').redirect(returnTo, 303);
  });
}
