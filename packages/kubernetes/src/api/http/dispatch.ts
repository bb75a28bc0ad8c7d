import { forbidden } from '../../auth/forbidden.ts';
import type { ResourceInfo } from '../../types.ts';
import type { Call, ClusterApi } from '../deps.ts';
import { methodNotAllowed, unknownPath } from '../errors.ts';
import { serveSubresource } from '../subresources/serve.ts';
import type { ApiAnswer, ApiRequest } from './answer.ts';
import { attributesOf } from './attributes.ts';
import { serveCollection } from './serve-collection.ts';
import { servePath } from './serve-path.ts';
import { serveObject } from './serve-object.ts';
import { parseRequestInfo, type RequestInfo } from './request-info.ts';

/** Answers one authenticated request. Throws a `StatusError`. */
export async function dispatch(cluster: ClusterApi, request: ApiRequest): Promise<ApiAnswer> {
  const target = parseRequestInfo(request.method, request.path, request.query);
  authorizeRequest(cluster, request, target);
  if (!target.isResource) return servePath(cluster, request);
  const info = cluster.deps.schema.findResource(target.group, target.version, target.resource);
  if (!info) throw unknownPath();
  checkScope(info, target);
  const call = callFor(cluster, request, { info, target });
  if (target.subresource !== '') return serveSubresource(call, request, target);
  if (!info.verbs.includes(target.verb)) throw methodNotAllowed(info);
  return target.name === '' || target.verb === 'watch'
    ? serveCollection(call, request, target.verb)
    : serveObject(call, request, target.verb);
}

function authorizeRequest(cluster: ClusterApi, request: ApiRequest, target: RequestInfo): void {
  const attributes = attributesOf(target);
  const { allowed, reason } = cluster.deps.authorize(cluster, request.user, attributes);
  if (!allowed) throw forbidden(request.user, attributes, reason);
}

function checkScope(info: ResourceInfo, target: RequestInfo): void {
  const inNamespace = target.namespace !== '' && info.groupResource !== '/namespaces';
  if (!info.namespaced && inNamespace) throw unknownPath();
  if (!info.namespaced || inNamespace) return;
  if (target.name !== '') throw unknownPath();
  if (target.verb === 'create' && info.verbs.includes('list')) throw methodNotAllowed(info);
}

function callFor(
  cluster: ClusterApi,
  request: ApiRequest,
  { info, target }: { info: ResourceInfo; target: RequestInfo },
): Call {
  return {
    cluster,
    user: request.user,
    info,
    namespace: info.namespaced ? target.namespace : '',
    name: target.name,
    subresource: target.subresource,
    dryRun: request.query.getAll('dryRun').includes('All'),
    fieldManager: request.query.get('fieldManager') || (request.userAgent.split('/')[0] ?? '').slice(0, 128),
    warn: request.warn,
  };
}
