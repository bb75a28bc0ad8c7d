import type { Call } from '../deps.ts';
import { methodNotAllowed, notFound, notImplemented, unknownPath } from '../errors.ts';
import type { ApiAnswer, ApiRequest } from '../http/answer.ts';
import type { RequestInfo } from '../http/request-info.ts';
import { answerObject } from '../http/present.ts';
import { readObject } from '../http/read-object.ts';
import { patchObject } from '../registry/patch.ts';
import { replaceObject } from '../registry/update.ts';
import { bindPod } from './binding.ts';
import { evictPod } from './eviction.ts';
import { finalizeNamespace } from './finalize.ts';
import { podLog } from './log.ts';
import { serveScale } from './scale.ts';
import { requestToken } from './token.ts';

/** Serves `…/{name}/{subresource}`. Throws 404 for subresources that the kind lacks. */
export async function serveSubresource(
  call: Call,
  request: ApiRequest,
  target: RequestInfo,
): Promise<ApiAnswer> {
  const sub = call.info.subresources.get(call.subresource);
  if (!sub) throw unknownPath();
  if (!sub.verbs.includes(target.verb) && !streaming.has(call.subresource)) throw methodNotAllowed(call.info);
  switch (call.subresource) {
    case 'status':
    case 'ephemeralcontainers':
    case 'resize':
    case 'approval':
      return serveStatus(call, request, target.verb);
    case 'scale':
      return serveScale(call, request, target.verb);
    case 'finalize':
      return finalizeNamespace(call, request);
    case 'binding':
      return bindPod(call, request);
    case 'eviction':
      return evictPod(call, request);
    case 'log':
      return podLog(call, request);
    case 'token':
      return requestToken(call);
    default:
      throw notImplemented(
        `${call.subresource} is not supported: no containers run behind this simulated cluster`,
      );
  }
}

const streaming = new Set(['exec', 'attach', 'portforward', 'proxy']);

async function serveStatus(call: Call, request: ApiRequest, verb: string): Promise<ApiAnswer> {
  if (verb === 'get') {
    const object = call.cluster.store.get(call.info.groupResource, call.namespace, call.name);
    if (!object) throw notFound(call.info, call.name);
    return answerObject(call, request, { object });
  }
  if (verb === 'update') {
    const object = await readObject(request, call.info);
    return answerObject(call, request, { object: (await replaceObject(call, object)).object });
  }
  return answerObject(call, request, { object: (await patchObject(call, request)).object });
}
