/** Everything under this path is somebody's cluster. */
export const gatewayPrefix = '/k8s/workspaces/';

export type Address =
  | { kind: 'workspace'; workspace: string; url: string; path: string }
  /** Not ours: some other address of the server. */
  | { kind: 'other' }
  /** A spelling that two parsers could read differently. */
  | { kind: 'unsafe' };

/**
 * What no Kubernetes client sends in a path, and what two parsers may read differently: control and non-ASCII characters,
 * backslash, `;`, `#`, broken escapes, escaped `/ \ . % NUL` and controls, empty and dot segments.
 */
const unsafePath =
  /[^\x21-\x7e]|[\\;#]|\/\/|%(?![0-9a-f]{2})|%(?:2f|5c|2e|25|3b|[01][0-9a-f]|7f)|\/\.{1,2}(?:\/|$)/i;
const workspaceName = /^[a-z0-9-]{1,63}$/;

/** Splits `/k8s/workspaces/<id or slug>/<path>?<query>`; `url` is what the cluster sees. */
export function parseAddress(requestUrl: string): Address {
  if (!requestUrl.startsWith(gatewayPrefix)) return { kind: 'other' };
  const question = requestUrl.indexOf('?');
  const fullPath = question < 0 ? requestUrl : requestUrl.slice(0, question);
  if (unsafePath.test(fullPath)) return { kind: 'unsafe' };
  const slash = fullPath.indexOf('/', gatewayPrefix.length);
  const workspace = fullPath.slice(gatewayPrefix.length, slash < 0 ? undefined : slash);
  if (!workspaceName.test(workspace)) return { kind: 'unsafe' };
  const path = slash < 0 ? '/' : fullPath.slice(slash);
  return { kind: 'workspace', workspace, path, url: question < 0 ? path : path + requestUrl.slice(question) };
}
