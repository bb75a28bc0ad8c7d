import type { KubeObject } from '../../types.ts';
import type { Call } from '../deps.ts';
import { notFound, notImplemented } from '../errors.ts';
import type { ApiAnswer, ApiRequest, JsonAnswer } from '../http/answer.ts';
import { negotiate } from '../http/negotiate.ts';
import { readObject } from '../http/read-object.ts';
import { parseLabelSelector } from '../select/label-selector.ts';
import { bindPod } from './binding.ts';

const reviewGroups = new Set(['authorization.k8s.io', 'authentication.k8s.io']);

/** Serves kinds that are answered and never stored: reviews, bindings and metrics. Undefined for all others. */
export async function serveEphemeral(
  call: Call,
  request: ApiRequest,
  verb: string,
): Promise<ApiAnswer | undefined> {
  const { info } = call;
  if (reviewGroups.has(info.group)) return verb === 'create' ? answerReview(call, request) : undefined;
  if (info.groupResource === '/bindings')
    return verb === 'create' ? bindPod(podCall(call), request) : undefined;
  if (info.group === 'metrics.k8s.io') return answerMetrics(call, request, verb);
  if (info.groupResource === '/componentstatuses')
    throw notImplemented('componentstatuses are not supported');
  return undefined;
}

async function answerReview(call: Call, request: ApiRequest): Promise<JsonAnswer> {
  const object = await readObject(request, call.info);
  if (call.namespace !== '') object.metadata.namespace = call.namespace;
  const answer = await call.cluster.deps.review(call.cluster, call.user, object);
  return { kind: 'json', status: 201, value: () => answer, negotiated: negotiate(request.accept) };
}

function podCall(call: Call): Call {
  const info = call.cluster.deps.schema.findResource('', 'v1', 'pods');
  if (!info) throw notImplemented('pods are not served');
  return { ...call, info };
}

function answerMetrics(call: Call, request: ApiRequest, verb: string): JsonAnswer {
  const { cluster, info, namespace, name } = call;
  const nodes = info.plural === 'nodes';
  const source = nodes ? '/nodes' : '/pods';
  const measure = (object: KubeObject): KubeObject | undefined =>
    nodes ? cluster.deps.nodeUsage(cluster, object) : cluster.deps.podUsage(cluster, object);
  const negotiated = negotiate(request.accept);
  if (verb === 'get') {
    const object = cluster.store.get(source, nodes ? '' : namespace, name);
    const usage = object && measure(object);
    if (!usage)
      throw notFound({ group: 'metrics.k8s.io', plural: nodes ? 'nodes' : 'pods', kind: info.kind }, name);
    return { kind: 'json', status: 200, value: () => usage, negotiated };
  }
  const selector = request.query.get('labelSelector');
  const matches = selector ? parseLabelSelector(selector) : () => true;
  const page = cluster.store.list(source, namespace === '' ? {} : { namespace });
  const items = page.items
    .filter((object) => matches(object.metadata.labels))
    .map(measure)
    .filter((usage) => usage !== undefined);
  const value = { kind: `${info.kind}List`, apiVersion: 'metrics.k8s.io/v1beta1', metadata: {}, items };
  return { kind: 'json', status: 200, value: () => value, negotiated };
}
