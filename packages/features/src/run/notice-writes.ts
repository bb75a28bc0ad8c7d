/** One request to a cluster, as the gateway tells it. */
export interface ClusterAccess {
  /** `kube:<verb>`. */
  action: string;
  /** `workspaces/<id>/<path>`. */
  target: string;
  outcome: 'allowed' | 'denied' | 'failed';
  details: {
    /** 0 without an answer. */
    status: number;
  };
}

/** Where the gateway's entries go. */
export interface AccessSink<Entry> {
  write(entries: readonly Entry[]): Promise<void>;
}

/** Something that somebody changed in a cluster. */
export interface ClusterWrite {
  workspaceId: string;
  verb: string;
  /** In the cluster's API, decoded, without a slash before or behind it. */
  path: string;
}

const written = /^workspaces\/([^/]+)\/(.*?)\/?$/s;
const verbs = ['create', 'update', 'patch', 'delete', 'deletecollection'];

/**
 * Hands on what people change in their clusters on its way to the audit log: what is ours can be put back within a second or
 * two. `notice` must not throw; the slow resync finds what it misses, and what did not come through the gateway.
 */
export function noticeWrites<Entry extends ClusterAccess>(
  audit: AccessSink<Entry>,
  notice: (writes: readonly ClusterWrite[]) => Promise<void>,
): AccessSink<Entry> {
  return {
    async write(entries) {
      await audit.write(entries);
      const writes = entries.flatMap(writeOf);
      if (writes.length > 0) await notice(writes);
    },
  };
}

function writeOf(access: ClusterAccess): ClusterWrite[] {
  const [, workspaceId, path] = written.exec(access.target) ?? [];
  const verb = access.action.slice('kube:'.length);
  if (!mayBeDone(access) || workspaceId === undefined || path === undefined || !verbs.includes(verb))
    return [];
  return [{ workspaceId, verb, path }];
}

/** What nobody answered, or the cluster with an error of its own, may be done all the same: only a refusal is none. */
function mayBeDone({ outcome, details: { status } }: ClusterAccess): boolean {
  return outcome === 'allowed' || status === 0 || status >= 500;
}
