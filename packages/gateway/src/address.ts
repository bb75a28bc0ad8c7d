/** Everything under this path is somebody's cluster. */
export const gatewayPrefix = '/k8s/workspaces/';

/** Everything that the gateway answers, for the matrix of who may ask what; `UPGRADE` is a request for another protocol. */
export const gatewayRoutes: readonly string[] = [`* ${gatewayPrefix}*`, `UPGRADE ${gatewayPrefix}*`];

export type Address =
  | {
      kind: 'workspace';
      workspace: string;
      /** What the cluster is sent: the path in the one way in which it can be written, and the query as it came. */
      url: string;
      /** What it means, without escapes: verbs, notices and the record all go by it. */
      path: string;
      query: string;
    }
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

/** Splits `/k8s/workspaces/<id or slug>/<path>?<query>`. Nothing after it looks at the path as it was spelled. */
export function parseAddress(requestUrl: string): Address {
  if (!requestUrl.startsWith(gatewayPrefix)) return { kind: 'other' };
  const question = requestUrl.indexOf('?');
  const fullPath = question < 0 ? requestUrl : requestUrl.slice(0, question);
  if (unsafePath.test(fullPath)) return { kind: 'unsafe' };
  const slash = fullPath.indexOf('/', gatewayPrefix.length);
  const workspace = fullPath.slice(gatewayPrefix.length, slash < 0 ? undefined : slash);
  if (!workspaceName.test(workspace)) return { kind: 'unsafe' };
  const path = decoded(slash < 0 ? '/' : fullPath.slice(slash));
  if (path === null) return { kind: 'unsafe' };
  const query = question < 0 ? '' : requestUrl.slice(question);
  return { kind: 'workspace', workspace, path, query, url: canonical(path) + query };
}

/** As Go's `net/http` reads it, which is what API servers do; null for what is no UTF-8 or holds controls (C1). */
function decoded(path: string): string | null {
  if (!path.includes('%')) return path;
  try {
    const meant = decodeURIComponent(path);
    return /\p{Cc}/u.test(meant) ? null : meant;
  } catch {
    return null;
  }
}

const plain = /^[\w\-.~$&+,/:=@!*'()]*$/;

function canonical(path: string): string {
  return plain.test(path) ? path : encodeURI(path).replace(/[?#]/g, encodeURIComponent);
}
