import {
  aggregatedDiscovery,
  coreVersions,
  groupDocument,
  groupList,
  openApiDocument,
  openApiIndex,
  resourceList,
  versionInfo,
} from '../../schema/documents.ts';
import type { ApiAnswer, ApiRequest, JsonAnswer, RawAnswer } from './answer.ts';
import { negotiate } from './negotiate.ts';

const openApiPath = '/openapi/v3';

/** Discovery, version and OpenAPI; undefined for other paths. */
export function serveDocument(request: ApiRequest, path: string, basePath: string): ApiAnswer | undefined {
  if (path === '/version') return json(request, path, () => versionInfo);
  if (path === openApiPath) return json(request, path, () => openApiIndex(basePath));
  if (path.startsWith(`${openApiPath}/`)) return openApi(request, path.slice(openApiPath.length + 1));
  if (path === '/api' || path === '/apis') return discoveryRoot(request, path);
  const parts = path.split('/');
  const [, root = '', group = '', version = ''] = parts;
  const document =
    root === 'api' && parts.length === 3
      ? resourceList('', group)
      : root === 'apis' && parts.length === 3
        ? groupDocument(group)
        : root === 'apis' && parts.length === 4
          ? resourceList(group, version)
          : undefined;
  return document && json(request, path, () => document);
}

const aggregatedType = 'application/json;g=apidiscovery.k8s.io;v=v2;as=APIGroupDiscoveryList';

/** Clients since 1.26 ask for everything at once; the answer must repeat the media type that it has. */
function discoveryRoot(request: ApiRequest, path: '/api' | '/apis'): ApiAnswer {
  const negotiated = negotiate(request.accept, ['APIGroupDiscoveryList']);
  if (negotiated.as === 'APIGroupDiscoveryList') {
    const body = cached(`aggregated ${path}`, () => aggregatedDiscovery(path === '/api' ? 'api' : 'apis'));
    return { kind: 'raw', status: 200, contentType: aggregatedType, body, headers: { vary: 'Accept' } };
  }
  return json(request, path, () => (path === '/api' ? coreVersions('127.0.0.1:443') : groupList()));
}

function openApi(request: ApiRequest, path: string): RawAnswer | undefined {
  const document = openApiDocument(path);
  if (!document) return undefined;
  const known = request.query.get('hash') === document.hash;
  const headers: Record<string, string> = {
    etag: `"${document.hash}"`,
    vary: 'Accept-Encoding, Accept',
    ...(known && { 'cache-control': 'public, immutable' }),
  };
  if (request.acceptsGzip) {
    return {
      kind: 'raw',
      status: 200,
      contentType: 'application/json',
      body: document.gzip,
      headers: { ...headers, 'content-encoding': 'gzip' },
    };
  }
  return { kind: 'raw', status: 200, contentType: 'application/json', body: document.json(), headers };
}

const texts = new Map<string, string>();

function cached(key: string, make: () => unknown): string {
  let text = texts.get(key);
  if (text === undefined) texts.set(key, (text = JSON.stringify(make())));
  return text;
}

function json(request: ApiRequest, path: string, make: () => unknown): JsonAnswer {
  const negotiated = negotiate(request.accept);
  if (path === openApiPath) return { kind: 'json', status: 200, value: make, negotiated };
  return { kind: 'json', status: 200, value: make, text: cached(path, make), negotiated };
}
