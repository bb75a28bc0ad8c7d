import type { Logger } from '@hexabase/kernel/log.ts';
import type { Database, Tx } from '@hexabase/postgres/database.ts';

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

/** What is put back, or seen at once, when people change it in their clusters. */
export interface Notice {
  concerns(write: ClusterWrite): boolean;
  /** Has looked at what these writes, one at least, have changed. */
  wake(tx: Tx, writes: readonly ClusterWrite[]): Promise<void>;
}

/** The workspaces that were written to, each once. */
export function workspacesOf(writes: readonly ClusterWrite[]): string[] {
  return [...new Set(writes.map(({ workspaceId }) => workspaceId))];
}

const written = /^workspaces\/([^/]+)\/(.*?)\/?$/s;
const verbs = ['create', 'update', 'patch', 'delete', 'deletecollection'];

/**
 * Sees what people change in their clusters on its way to the audit log: what is ours can be put back within a second or two.
 * The slow resync finds what could not be noticed, and what did not come through the gateway.
 */
export function noticeWrites<Entry extends ClusterAccess>(
  audit: AccessSink<Entry>,
  { database, log }: { database: Pick<Database, 'asWorker'>; log: Logger },
  notices: readonly Notice[],
): AccessSink<Entry> {
  return {
    async write(entries) {
      await audit.write(entries);
      const writes = entries.flatMap(writeOf);
      for (const { concerns, wake } of notices) {
        const concerned = writes.filter(concerns);
        if (concerned.length === 0) continue;
        await database
          .asWorker((tx) => wake(tx, concerned))
          .catch((error: unknown) =>
            log.warn({ error }, 'what people changed in a cluster will be looked at at the next resync'),
          );
      }
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
