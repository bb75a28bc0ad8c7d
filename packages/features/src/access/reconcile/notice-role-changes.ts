import type { Logger } from '@hexabase/kernel/log.ts';
import type { Database } from '@hexabase/postgres/database.ts';
import { noticeWrites, type AccessSink, type ClusterAccess } from '../../run/notice-writes.ts';
import { wakeAccess } from '../public.ts';

const roles = /^apis\/rbac\.authorization\.k8s\.io\//;

/** Has roles and bindings looked at that people have changed in their clusters: what is ours is put back. */
export function noticeRoleChanges<Entry extends ClusterAccess>(
  audit: AccessSink<Entry>,
  { database, log }: { database: Database; log: Logger },
): AccessSink<Entry> {
  return noticeWrites(audit, async (writes) => {
    const changed = new Set(
      writes.filter(({ path }) => roles.test(path)).map(({ workspaceId }) => workspaceId),
    );
    if (changed.size === 0) return;
    try {
      await database.asWorker((tx) => wakeAccess(tx, [...changed]));
    } catch (error) {
      log.warn({ error }, 'a change of roles will be put back at the next resync');
    }
  });
}
