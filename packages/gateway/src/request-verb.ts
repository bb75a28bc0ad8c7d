/** What a request does, in the words of Kubernetes RBAC, and whether it stays open. */
export interface RequestVerb {
  verb: string;
  /** Reads of which only the metadata is recorded, and alike ones together. */
  readOnly: boolean;
  /** Watches, followed logs, shells: they outlive any limit on requests in flight. */
  longRunning: boolean;
  /** The one object of a list or watch that asks for no other (`fieldSelector=metadata.name=…`). */
  selected?: string;
}

interface Target {
  /** The old way to ask for a watch, before the resource; `proxy` too, which no server serves any more. */
  prefix: 'watch' | 'proxy' | null;
  group: string;
  namespace: string | undefined;
  resource: string;
  name: string | undefined;
  subresource: string | undefined;
}

/** `k8s.io/apiserver`, `BasicLongRunningRequestCheck` of a kube-apiserver; a log only when it is followed. */
const subresourceStreams = new Set(['exec', 'attach', 'portforward', 'proxy']);
const namespaceSubresources = new Set(['status', 'finalize']);
const nameMax = 256;

/** Derives the verb from method, decoded path and query, as API servers do (`k8s.io/apiserver`, `RequestInfoFactory`). */
export function requestVerb(method: string, address: { path: string; query: string }): RequestVerb {
  const target = targetOf(address.path);
  const reading = method === 'GET' || method === 'HEAD';
  if (!target)
    return { verb: method.toLowerCase(), readOnly: reading || method === 'OPTIONS', longRunning: false };
  const ofMany = reading && target.prefix === null && target.name === undefined;
  const ofLog = reading && target.subresource === 'log' && target.resource === 'pods' && target.group === '';
  const query = address.query !== '' && (ofMany || ofLog) ? parametersOf(address.query) : null;
  const verb = verbOf(method, { target, watching: isTrue(query?.get('watch')) });
  const stream = verb === 'proxy' || subresourceStreams.has(target.subresource ?? '');
  const selected = ofMany ? selectedName(query?.get('fieldSelector')) : undefined;
  return {
    verb,
    readOnly: reading && !stream,
    longRunning: verb === 'watch' || stream || (ofLog && isTrue(query?.get('follow'))),
    ...(selected !== undefined && { selected }),
  };
}

/** What a path names, as RBAC would write it: `deployments.apps/scale`; nothing for paths outside of the resources. */
export function requestObject(path: string): { resource?: string; namespace?: string; name?: string } {
  const target = targetOf(path);
  if (!target) return {};
  const { group, namespace, resource, name, subresource } = target;
  const suffix = `${group === '' ? '' : `.${group}`}${subresource === undefined ? '' : `/${subresource}`}`;
  return {
    resource: `${resource}${suffix}`.slice(0, nameMax),
    ...(namespace !== undefined && resource !== 'namespaces' && { namespace: namespace.slice(0, nameMax) }),
    ...(name !== undefined && { name: name.slice(0, nameMax) }),
  };
}

/** Null for `/version`, `/openapi/…` and discovery. */
function targetOf(path: string): Target | null {
  const segments = path.split('/').filter((segment) => segment !== '');
  const skip = segments[0] === 'api' ? 2 : segments[0] === 'apis' ? 3 : null;
  if (skip === null || segments.length <= skip) return null;
  const group = skip === 3 ? (segments[1] ?? '') : '';
  segments.splice(0, skip);
  const [first] = segments;
  const prefix = first === 'watch' || first === 'proxy' ? first : null;
  if (prefix !== null) segments.shift();
  if (segments.length === 0) return null;
  const namespace = segments[0] === 'namespaces' ? segments[1] : undefined;
  if (namespace !== undefined && segments.length > 2 && !namespaceSubresources.has(segments[2] ?? ''))
    segments.splice(0, 2);
  const [resource = '', name, subresource] = segments;
  return {
    prefix,
    group,
    namespace,
    resource,
    name,
    subresource: prefix === 'proxy' ? undefined : subresource,
  };
}

/** Go leaves out pairs with a `;` or a broken escape (`net/url`, `ParseQuery`). */
function parametersOf(query: string): URLSearchParams {
  const pairs = query.slice(1).split('&');
  return new URLSearchParams(pairs.filter((pair) => !brokenPair.test(pair)).join('&'));
}

const brokenPair = /;|%(?![0-9a-f]{2})/i;

/** Kubernetes takes every value for true but `0` and `false` (`Convert_Slice_string_To_bool`), the empty one too. */
function isTrue(value: string | null | undefined): boolean {
  return value !== null && value !== undefined && value !== '0' && value.toLowerCase() !== 'false';
}

const fieldTerm = /(?:\\.|[^\\,])+/g;
const exactName = /^metadata\.name==?((?:\\.|[^\\=])+)$/;

function selectedName(selector: string | null | undefined): string | undefined {
  for (const [term] of selector?.matchAll(fieldTerm) ?? []) {
    const name = exactName.exec(term)?.[1]?.replaceAll(/\\(.)/g, '$1');
    if (name !== undefined && !/[/%]|^\.\.?$/.test(name)) return name.slice(0, nameMax);
  }
  return undefined;
}

function verbOf(method: string, { target, watching }: { target: Target; watching: boolean }): string {
  if (target.prefix !== null) return target.prefix;
  switch (method) {
    case 'GET':
    case 'HEAD':
      if (target.name !== undefined) return 'get';
      return watching ? 'watch' : 'list';
    case 'POST':
      return 'create';
    case 'PUT':
      return 'update';
    case 'PATCH':
      return 'patch';
    case 'DELETE':
      return target.name === undefined ? 'deletecollection' : 'delete';
    default:
      return method.toLowerCase();
  }
}
