import type { IncomingMessage } from 'node:http';
import { clientAddress, noProxies, type TrustedProxies } from '@hexabase/kernel/client-address.ts';
import { parseAddress } from './address.ts';
import { Refusal } from './refusal.ts';
import { requestVerb, type RequestVerb } from './request-verb.ts';

/** A request on its way: what it wants, and who is behind it once that is known. */
export interface Passage {
  request: IncomingMessage;
  /** The address of the client. */
  from: string;
  workspace: string;
  url: string;
  path: string;
  verb: RequestVerb;
  requestId: string;
}

const methods = new Set(['GET', 'HEAD', 'POST', 'PUT', 'PATCH', 'DELETE', 'OPTIONS']);

/** Throws `Refusal` for what is no request to a cluster. */
export function passageOf(request: IncomingMessage, trustedProxies: TrustedProxies = noProxies): Passage {
  const method = request.method ?? 'GET';
  const address = parseAddress(request.url ?? '/');
  if (address.kind === 'other')
    throw new Refusal(404, 'NotFound', { message: 'the server could not find the requested resource' });
  if (address.kind === 'unsafe')
    throw new Refusal(400, 'BadRequest', { message: 'the path is not written plainly' });
  if (!methods.has(method))
    throw new Refusal(405, 'MethodNotAllowed', { message: 'the method is not supported' });
  const { workspace, url, path } = address;
  const from = clientAddress(request, trustedProxies);
  return {
    request,
    from,
    workspace,
    url,
    path,
    verb: requestVerb(method, address),
    requestId: crypto.randomUUID(),
  };
}
