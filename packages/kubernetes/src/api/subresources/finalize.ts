import type { Call } from '../deps.ts';
import type { ApiAnswer, ApiRequest } from '../http/answer.ts';
import { answerObject } from '../http/present.ts';
import { readObject } from '../http/read-object.ts';
import { arrayAt, recordAt } from '../registry/object.ts';
import { changeObject } from '../registry/update.ts';

/** PUT `namespaces/{name}/finalize`: the only way to change `spec.finalizers`. An empty list lets the namespace go. */
export async function finalizeNamespace(call: Call, request: ApiRequest): Promise<ApiAnswer> {
  const wanted = await readObject(request, call.info);
  const object = await changeObject(call, {
    from: (current) => {
      const finalizers = arrayAt(recordAt(wanted, 'spec'), 'finalizers');
      const spec = { ...recordAt(current, 'spec'), finalizers };
      return {
        ...current,
        metadata: { ...current.metadata, resourceVersion: wanted.metadata.resourceVersion },
        spec,
      };
    },
  });
  return answerObject(call, request, { object });
}
