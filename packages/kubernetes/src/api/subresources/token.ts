import type { Call } from '../deps.ts';
import { notFound, notImplemented } from '../errors.ts';

/** POST `serviceaccounts/{name}/token`. This server has no signing key of its own. */
export function requestToken(call: Call): never {
  if (!call.cluster.store.get('/serviceaccounts', call.namespace, call.name))
    throw notFound(call.info, call.name);
  throw notImplemented('service account tokens are not issued by this cluster');
}
