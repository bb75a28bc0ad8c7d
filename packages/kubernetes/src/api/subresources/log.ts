import type { Call } from '../deps.ts';
import { badRequest, notFound } from '../errors.ts';
import type { ApiAnswer, ApiRequest } from '../http/answer.ts';
import { arrayAt, recordAt, textAt } from '../registry/object.ts';

/** GET `pods/{name}/log`. Chooses the container as upstream does. Throws 400 and 404. */
export function podLog(call: Call, request: ApiRequest): ApiAnswer {
  const pod = call.cluster.store.get('/pods', call.namespace, call.name);
  if (!pod) throw notFound(call.info, call.name);
  const spec = recordAt(pod, 'spec');
  const names = arrayAt(spec, 'containers').map((container) => textAt(container, 'name'));
  const initNames = arrayAt(spec, 'initContainers').map((container) => textAt(container, 'name'));
  const container = chooseContainer(call.name, {
    asked: request.query.get('container') ?? '',
    names,
    initNames,
  });
  if (textAt(spec, 'nodeName') === '') {
    return { kind: 'raw', status: 200, contentType: 'text/plain', body: '' };
  }
  const { cluster } = call;
  return {
    kind: 'stream',
    contentType: 'text/plain',
    run: (write, signal) =>
      cluster.deps.streamPodLog({ cluster, pod, container, query: request.query, write, signal }),
  };
}

interface Choice {
  asked: string;
  names: string[];
  initNames: string[];
}

function chooseContainer(pod: string, { asked, names, initNames }: Choice): string {
  if (asked !== '') {
    if (names.includes(asked) || initNames.includes(asked)) return asked;
    throw badRequest(`container ${asked} is not valid for pod ${pod}`);
  }
  const [only] = names;
  if (names.length === 1 && only !== undefined) return only;
  const inits = initNames.length > 0 ? ` or one of the init containers: [${initNames.join(' ')}]` : '';
  throw badRequest(
    `a container name must be specified for pod ${pod}, choose one of: [${names.join(' ')}]${inits}`,
  );
}
