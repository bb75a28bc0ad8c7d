/** What a path asks for. Follows k8s.io/apiserver/pkg/endpoints/request RequestInfoFactory. */
export interface RequestInfo {
  isResource: boolean;
  verb: string;
  path: string;
  group: string;
  version: string;
  resource: string;
  subresource: string;
  namespace: string;
  name: string;
  /** What follows the subresource, for `proxy`. */
  rest: string;
}

const namespaceSubresources = new Set(['status', 'finalize']);

/** Reads a path below the cluster's root. Never throws: what is not a resource is a non-resource path. */
export function parseRequestInfo(method: string, path: string, query: URLSearchParams): RequestInfo {
  const info: RequestInfo = {
    isResource: false,
    verb: method.toLowerCase(),
    path,
    group: '',
    version: '',
    resource: '',
    subresource: '',
    namespace: '',
    name: '',
    rest: '',
  };
  const parts = splitPath(path);
  let rest: string[];
  if (parts[0] === 'api' && parts.length > 2) {
    info.version = parts[1] ?? '';
    rest = parts.slice(2);
  } else if (parts[0] === 'apis' && parts.length > 3) {
    info.group = parts[1] ?? '';
    info.version = parts[2] ?? '';
    rest = parts.slice(3);
  } else return info;
  info.isResource = true;
  let forcedWatch = false;
  if (rest[0] === 'watch' && rest.length > 1) {
    forcedWatch = true;
    rest = rest.slice(1);
  }
  readTarget(info, rest);
  const reads = method === 'GET' || method === 'HEAD';
  info.verb = forcedWatch && reads ? 'watch' : verbOf(method, info, isTrue(query.get('watch')));
  return info;
}

function readTarget(info: RequestInfo, parts: string[]): void {
  let rest = parts;
  if (rest[0] === 'namespaces' && rest.length > 1) {
    info.namespace = rest[1] ?? '';
    if (rest.length > 2 && !namespaceSubresources.has(rest[2] ?? '')) rest = rest.slice(2);
  }
  info.resource = rest[0] ?? '';
  info.name = rest[1] ?? '';
  info.subresource = rest[2] ?? '';
  info.rest = rest.slice(3).join('/');
}

function verbOf(method: string, info: RequestInfo, watch: boolean): string {
  switch (method) {
    case 'POST':
      return 'create';
    case 'GET':
    case 'HEAD':
      if (info.name === '') return watch ? 'watch' : 'list';
      return 'get';
    case 'PUT':
      return 'update';
    case 'PATCH':
      return 'patch';
    case 'DELETE':
      return info.name === '' ? 'deletecollection' : 'delete';
    default:
      return method.toLowerCase();
  }
}

function splitPath(path: string): string[] {
  const parts: string[] = [];
  for (const part of path.split('/')) {
    if (part === '') continue;
    parts.push(part.includes('%') ? decodePart(part) : part);
  }
  return parts;
}

function decodePart(part: string): string {
  try {
    return decodeURIComponent(part);
  } catch {
    return part;
  }
}

/** Query flags as Go's conversion reads them: present and empty means true, `0` and `false` mean false. */
export function isTrue(value: string | null): boolean {
  return value !== null && value !== '0' && value.toLowerCase() !== 'false';
}
