import type { IncomingMessage, ServerResponse } from 'node:http';
import { errorCodes } from '@hexabase/kernel/error-codes.ts';
import type { Logger } from '@hexabase/kernel/log.ts';
import { currentOrigin } from '@hexabase/kernel/request-origin.ts';
import type { Provider } from 'oidc-provider';
import { compareOurWay } from './client-adapter.ts';
import { providerInteractions, type Interactions } from './provider-interactions.ts';
import { providerConfiguration, type ProviderOptions } from './provider-configuration.ts';
import { guardRequests } from './provider-guards.ts';

type RequestHandler = (request: IncomingMessage, response: ServerResponse) => void;

/** Headers with which a client could choose the addresses that the provider writes into its answers. */
const forwardedHeaders = [
  'forwarded',
  'x-forwarded-for',
  'x-forwarded-host',
  'x-forwarded-port',
  'x-forwarded-proto',
  'x-forwarded-ssl',
];

/** Pages that belong to people: their addresses may lie at `browserOrigin`. */
const pagePath = /^\/oidc\/(?:auth|device|session\/end)(?:[/?]|$)/;

export type OidcHandler = RequestHandler & { interactions: Interactions };

interface Loaded {
  provider: Provider;
  handler: RequestHandler;
}

/**
 * Serves the OpenID provider under `/oidc`: discovery, keys, authorization, devices, token, revocation,
 * introspection, userinfo, logout. The provider is loaded at the first request and made anew after a rotation of keys. Addresses in its answers come from `issuer` and
 * `browserOrigin` alone. Whoever mounts it shows the pages on which people answer its `interactions`.
 */
export function createOidcHandler(options: ProviderOptions & { log: Logger }): OidcHandler {
  let current: { version: number; loaded: Promise<Loaded> } | null = null;

  function latest(): Promise<Loaded> {
    const version = options.keys.version();
    if (current?.version !== version) current = { version, loaded: load(options) };
    return current.loaded;
  }

  const handle: RequestHandler = (request, response) => {
    latest()
      .then(({ handler }) => handler(canonical(request, options), response))
      .catch((error: unknown) => {
        current = null;
        options.log.error({ error }, 'the OpenID provider could not be loaded');
        response.writeHead(503, { 'content-type': 'application/json' });
        response.end(JSON.stringify({ error: 'temporarily_unavailable' }));
      });
  };
  const interactions = providerInteractions(options, async () => (await latest()).provider);
  return Object.assign(handle, { interactions });
}

async function load(options: ProviderOptions & { log: Logger }): Promise<Loaded> {
  const { Provider } = await import('oidc-provider');
  const provider = new Provider(options.issuer, providerConfiguration(options));
  // Only `canonical` sets these headers, so they can be trusted here.
  provider.proxy = true;
  provider.on('server_error', (_context, error) =>
    options.log.error({ error }, 'the OpenID provider failed'),
  );
  compareOurWay(provider);
  guardRequests(provider, options);
  provider.use(async (context, next) => {
    await next();
    if (context.status !== 404 || context.body) return;
    // Setting a body would set the status to 200.
    context.status = errorCodes.not_found.status;
    context.body = {
      error: { code: 'not_found', message: errorCodes.not_found.message, details: {} },
      meta: { requestId: String(context.res.getHeader('x-request-id') ?? '') },
    };
  });
  const callback = provider.callback();
  return { provider, handler: (request, response) => void callback(request, response) };
}

function canonical(request: IncomingMessage, options: ProviderOptions): IncomingMessage {
  const url = request.url ?? '/';
  const { host, protocol } = new URL(pagePath.test(url) ? pageOrigin(request, options) : options.issuer);
  for (const name of forwardedHeaders) delete request.headers[name];
  request.headers.host = host;
  request.headers['x-forwarded-proto'] = protocol.slice(0, -1);
  // As it was found out before, past the proxies that are trusted.
  const origin = currentOrigin();
  if (origin) request.headers['x-forwarded-for'] = origin.address;
  Reflect.set(request, 'originalUrl', url);
  request.url = url.slice('/oidc'.length) || '/';
  return request;
}

/** A browser that came to the https address stays there, where its cookies are. */
function pageOrigin(request: IncomingMessage, { browserOrigin, issuer }: ProviderOptions): string {
  const encrypted = 'encrypted' in request.socket && request.socket.encrypted === true;
  return browserOrigin === undefined || encrypted ? issuer : browserOrigin;
}
