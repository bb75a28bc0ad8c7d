/** What a request does, in the words of Kubernetes RBAC, and whether it stays open. */
export interface RequestVerb {
  verb: string;
  /** Reads of which only the metadata is recorded, and alike ones together. */
  readOnly: boolean;
  /** Watches, followed logs, shells: they outlive any limit on requests in flight. */
  longRunning: boolean;
}

const subresourceStreams = new Set(['exec', 'attach', 'portforward', 'proxy']);

/** Derives the verb from method and decoded path (Kubernetes docs, "Determine the request verb"). */
export function requestVerb(method: string, address: { path: string; query: string }): RequestVerb {
  const parts = resourceParts(address.path);
  const streaming = streamingOf(address.query);
  const reading = method === 'GET' || method === 'HEAD';
  if (!parts)
    return { verb: method.toLowerCase(), readOnly: reading || method === 'OPTIONS', longRunning: false };
  const named = parts.length > 1;
  const stream = parts.length > 2 && subresourceStreams.has(parts[2] ?? '');
  const watching = reading && (streaming === 'watch' || parts[0] === 'watch');
  return {
    verb: verbOf(method, { named, watching }),
    readOnly: reading && !stream,
    longRunning: watching || stream || (reading && streaming === 'follow'),
  };
}

/** What a path names, as RBAC would write it: `deployments.apps/scale`; nothing for paths outside of the resources. */
export function requestObject(path: string): { resource?: string; namespace?: string; name?: string } {
  const parts = resourceParts(path);
  const segments = path.split('/').filter((segment) => segment !== '');
  if (!parts) return {};
  const [plural = '', name, subresource] = parts[0] === 'watch' ? parts.slice(1) : parts;
  const group = segments[0] === 'apis' ? `.${segments[1] ?? ''}` : '';
  const at = segments.indexOf('namespaces');
  const namespace = plural !== 'namespaces' && at > 0 && at <= 4 ? segments[at + 1] : undefined;
  return {
    resource: `${plural}${group}${subresource === undefined ? '' : `/${subresource}`}`,
    ...(namespace !== undefined && { namespace }),
    ...(name !== undefined && { name }),
  };
}

/** Kubernetes takes every value for true but `0` and `false` (`Convert_Slice_string_To_bool`), the empty one too. */
function streamingOf(query: string): 'watch' | 'follow' | undefined {
  if (query === '') return undefined;
  const parameters = new URLSearchParams(query);
  return (['watch', 'follow'] as const).find((name) => {
    const value = parameters.get(name);
    return value !== null && value !== '0' && value.toLowerCase() !== 'false';
  });
}

function verbOf(method: string, of: { named: boolean; watching: boolean }): string {
  switch (method) {
    case 'GET':
    case 'HEAD':
      if (of.watching) return 'watch';
      return of.named ? 'get' : 'list';
    case 'POST':
      return 'create';
    case 'PUT':
      return 'update';
    case 'PATCH':
      return 'patch';
    case 'DELETE':
      return of.named ? 'delete' : 'deletecollection';
    default:
      return method.toLowerCase();
  }
}

/** `[resource, name, subresource]` of a resource path, or null for `/version`, `/openapi/…` and discovery. */
function resourceParts(path: string): string[] | null {
  const segments = path.split('/').filter((segment) => segment !== '');
  const skip = segments[0] === 'api' ? 2 : segments[0] === 'apis' ? 3 : null;
  if (skip === null || segments.length <= skip) return null;
  const rest = segments.slice(skip);
  return rest[0] === 'namespaces' && rest.length > 2 ? rest.slice(2) : rest;
}
