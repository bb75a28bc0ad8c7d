import type { Logger } from '@hexabase/kernel/log.ts';
import type { Database } from '@hexabase/postgres/database.ts';
import { wakeAccess } from '../public.ts';

/** One request to a cluster, as the gateway tells it. */
interface ClusterAccess {
  /** `kube:<verb>`. */
  action: string;
  /** `workspaces/<id>/<path>`. */
  target: string;
  outcome: 'allowed' | 'denied' | 'failed';
}

interface Sink<Entry> {
  write(entries: readonly Entry[]): Promise<void>;
}

const roleWrite = /^workspaces\/([^/]+)\/apis\/rbac\.authorization\.k8s\.io\//;
const writing = ['kube:create', 'kube:update', 'kube:patch', 'kube:delete', 'kube:deletecollection'];

/**
 * Sees what people change in roles and bindings of their clusters on its way to the audit log, and has them looked at:
 * what is ours is put back within a second or two. The slow resync finds what this misses.
 */
export function noticeRoleChanges<Entry extends ClusterAccess>(
  audit: Sink<Entry>,
  { database, log }: { database: Database; log: Logger },
): Sink<Entry> {
  return {
    async write(entries) {
      await audit.write(entries);
      const changed = new Set(entries.flatMap(workspaceOf));
      if (changed.size === 0) return;
      try {
        await database.asWorker((tx) => wakeAccess(tx, [...changed]));
      } catch (error) {
        log.warn({ error }, 'a change of roles will be put back at the next resync');
      }
    },
  };
}

function workspaceOf({ action, target, outcome }: ClusterAccess): string[] {
  const id = roleWrite.exec(target)?.[1];
  return outcome === 'allowed' && id !== undefined && writing.includes(action) ? [id] : [];
}
