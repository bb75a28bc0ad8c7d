import type { KubeObject } from '../../types.ts';
import type { Call } from '../deps.ts';
import { methodNotAllowed, notFound } from '../errors.ts';
import { storedFormOf } from '../kinds/stored-form.ts';
import { answersDeletedObject } from '../kinds/traits.ts';
import { deleteObject, type Deleted } from '../registry/delete.ts';
import { patchObject } from '../registry/patch.ts';
import { replaceObject } from '../registry/update.ts';
import { serveEphemeral } from '../subresources/ephemeral.ts';
import type { ApiAnswer, ApiRequest } from './answer.ts';
import { negotiate } from './negotiate.ts';
import { answerObject } from './present.ts';
import { readDeleteRequest, readStored } from './read-object.ts';

/** Serves a path that names one object. */
export async function serveObject(call: Call, request: ApiRequest, verb: string): Promise<ApiAnswer> {
  const ephemeral = await serveEphemeral(call, request, verb);
  if (ephemeral) return ephemeral;
  switch (verb) {
    case 'get':
      return getObject(call, request);
    case 'update': {
      const object = await readStored(call, request);
      if (call.namespace !== '') object.metadata.namespace ??= call.namespace;
      call.cluster.deps.checkEscalation(call, object, currentOf(call));
      const result = await replaceObject(call, object);
      return answerObject(call, request, { object: result.object, status: result.created ? 201 : 200 });
    }
    case 'patch': {
      const result = await patchObject(call, request);
      return answerObject(call, request, { object: result.object, status: result.created ? 201 : 200 });
    }
    case 'delete':
      return answerDeleted(call, request, await deleteObject(call, await readDeleteRequest(call, request)));
    default:
      throw methodNotAllowed(call.info);
  }
}

function getObject(call: Call, request: ApiRequest): ApiAnswer {
  const { cluster, info, namespace, name } = call;
  const text = cluster.store.getText(info.groupResource, namespace, name);
  if (text === undefined) throw notFound(info, name);
  const current = (): KubeObject => {
    const object = currentOf(call);
    if (!object) throw notFound(info, name);
    return object;
  };
  const accept = request.accept;
  if ((accept === undefined || !accept.includes('as=')) && !storedFormOf(info)) {
    return { kind: 'json', status: 200, value: current, text, negotiated: negotiate(accept) };
  }
  return answerObject(call, request, { object: current() });
}

function currentOf({ cluster, info, namespace, name }: Call): KubeObject | undefined {
  return cluster.store.get(info.groupResource, namespace, name);
}

/** A finished deletion is a Status for most kinds; one that waits shows the object. */
function answerDeleted(call: Call, request: ApiRequest, { object, gone }: Deleted): ApiAnswer {
  if (!gone || answersDeletedObject(call.info)) return answerObject(call, request, { object });
  const { info, name } = call;
  const status = {
    kind: 'Status',
    apiVersion: 'v1',
    metadata: {},
    status: 'Success',
    details: { name, ...(info.group && { group: info.group }), kind: info.plural, uid: object.metadata.uid },
  };
  return {
    kind: 'json',
    status: 200,
    value: () => status,
    negotiated: negotiate(request.accept, ['Table', 'PartialObjectMetadata']),
  };
}
