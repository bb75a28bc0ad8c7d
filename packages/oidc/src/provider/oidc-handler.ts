import type { IncomingMessage, ServerResponse } from 'node:http';
import { errorCodes } from '@hexabase/kernel/error-codes.ts';
import type { Logger } from '@hexabase/kernel/log.ts';
import { providerConfiguration, type ProviderOptions } from './provider-configuration.ts';

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

/**
 * Serves the OpenID provider under `/oidc`: discovery, keys, authorization, token, userinfo. The provider is loaded at
 * the first request and made anew after a rotation of keys. Addresses in its answers come from `issuer` alone.
 */
export function createOidcHandler(options: ProviderOptions & { log: Logger }): RequestHandler {
  let current: { version: number; handler: Promise<RequestHandler> } | null = null;

  function latest(): Promise<RequestHandler> {
    const version = options.keys.version();
    if (current?.version !== version) current = { version, handler: buildHandler(options) };
    return current.handler;
  }

  return (request, response) => {
    latest()
      .then((handler) => handler(canonical(request, options.issuer), response))
      .catch((error: unknown) => {
        current = null;
        options.log.error({ error }, 'the OpenID provider could not be loaded');
        response.writeHead(503, { 'content-type': 'application/json' });
        response.end(JSON.stringify({ error: 'temporarily_unavailable' }));
      });
  };
}

async function buildHandler(options: ProviderOptions & { log: Logger }): Promise<RequestHandler> {
  const { Provider } = await import('oidc-provider');
  const provider = new Provider(options.issuer, providerConfiguration(options));
  // Only `canonical` sets these headers, so they can be trusted here.
  provider.proxy = true;
  provider.on('server_error', (_context, error) =>
    options.log.error({ error }, 'the OpenID provider failed'),
  );
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
  return (request, response) => void callback(request, response);
}

function canonical(request: IncomingMessage, issuer: string): IncomingMessage {
  const { host, protocol } = new URL(issuer);
  for (const name of forwardedHeaders) delete request.headers[name];
  request.headers.host = host;
  request.headers['x-forwarded-proto'] = protocol.slice(0, -1);
  const url = request.url ?? '/';
  Reflect.set(request, 'originalUrl', url);
  request.url = url.slice('/oidc'.length) || '/';
  return request;
}
