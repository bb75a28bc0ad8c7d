import type { ClusterApi } from '../deps.ts';
import { methodNotAllowed, unknownPath } from '../errors.ts';
import type { ApiAnswer, ApiRequest, RawAnswer } from './answer.ts';
import { negotiate } from './negotiate.ts';
import { serveDocument } from './serve-documents.ts';

const probes = new Set(['/healthz', '/livez', '/readyz']);

/** Serves what is no resource: health, version, discovery and OpenAPI. Throws 404 and 405. */
export function servePath(cluster: ClusterApi, request: ApiRequest): ApiAnswer {
  if (request.method !== 'GET' && request.method !== 'HEAD') throw methodNotAllowed();
  const path =
    request.path.length > 1 && request.path.endsWith('/') ? request.path.slice(0, -1) : request.path;
  const probe = `/${path.split('/')[1] ?? ''}`;
  if (probes.has(probe)) return health(probe, path, request.query.has('verbose'));
  if (path === '/') {
    const paths = ['/api', '/api/v1', '/apis', '/healthz', '/livez', '/openapi/v3', '/readyz', '/version'];
    return { kind: 'json', status: 200, value: () => ({ paths }), negotiated: negotiate(request.accept) };
  }
  const document = serveDocument(request, path, cluster.config.basePath);
  if (!document) throw unknownPath();
  return document;
}

/** Everything that the server needs is there once the cluster is loaded, and it is by now. */
function health(probe: string, path: string, verbose: boolean): RawAnswer {
  const name = path.slice(probe.length + 1);
  if (name !== '' && name !== 'ping' && name !== 'etcd') throw unknownPath();
  const checks = ['[+]ping ok', '[+]log ok', '[+]etcd ok'];
  const body = verbose ? [...checks, `${probe.slice(1)} check passed`, ''].join('\n') : 'ok';
  return { kind: 'raw', status: 200, contentType: 'text/plain; charset=utf-8', body };
}
