import type { Call } from '../deps.ts';
import { methodNotAllowed } from '../errors.ts';
import { createObject } from '../registry/create.ts';
import { deleteCollection } from '../registry/delete-collection.ts';
import { listObjects } from '../registry/list.ts';
import { serveEphemeral } from '../subresources/ephemeral.ts';
import { prepareWatch } from '../watch/watch.ts';
import type { ApiAnswer, ApiRequest } from './answer.ts';
import { readDeleteRequest, readStored } from './read-object.ts';
import { answerList, answerObject, frameEncoder, negotiateList } from './present.ts';

/** Serves a path that names a kind: list, watch, create and delete of many. */
export async function serveCollection(call: Call, request: ApiRequest, verb: string): Promise<ApiAnswer> {
  const ephemeral = await serveEphemeral(call, request, verb);
  if (ephemeral) return ephemeral;
  switch (verb) {
    case 'list':
      return answerList(call, request, listObjects(call, request.query));
    case 'watch': {
      const negotiated = negotiateList(request, true);
      return {
        kind: 'watch',
        negotiated,
        run: prepareWatch(call, request.query, frameEncoder(call, request, negotiated)),
      };
    }
    case 'create': {
      const object = await readStored(call, request);
      if (call.namespace !== '') object.metadata.namespace ??= call.namespace;
      call.cluster.deps.checkEscalation(call, object);
      return answerObject(call, request, { object: await createObject(call, object), status: 201 });
    }
    case 'deletecollection':
      return answerList(
        call,
        request,
        await deleteCollection(call, request.query, await readDeleteRequest(call, request)),
      );
    default:
      throw methodNotAllowed(call.info);
  }
}
