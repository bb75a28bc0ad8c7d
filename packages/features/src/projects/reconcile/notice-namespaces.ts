import type { Logger } from '@hexabase/kernel/log.ts';
import type { Database } from '@hexabase/postgres/database.ts';
import { enqueue } from '@hexabase/reconcile/queue.ts';
import { noticeWrites, type AccessSink, type ClusterAccess } from '../../run/notice-writes.ts';
import { namespacesKind } from './namespace.ts';

const namespaces = /^api\/v1\/namespaces(?:\/[^/]+)?$/;
const thatMakeOrEnd: readonly string[] = ['create', 'delete', 'deletecollection'];

/**
 * Has the namespaces of a workspace looked at when somebody has made or deleted one with kubectl: it is a project within a
 * second or two, whichever driver carries the workspace, and a workspace that nobody uses costs nothing. What a pod of the
 * workspace does past the gateway is told by the driver where it can tell, else found by the slow resync.
 */
export function noticeNamespaces<Entry extends ClusterAccess>(
  audit: AccessSink<Entry>,
  { database, log }: { database: Database; log: Logger },
): AccessSink<Entry> {
  return noticeWrites(audit, async (writes) => {
    const changed = new Set(
      writes
        .filter(({ verb, path }) => thatMakeOrEnd.includes(verb) && namespaces.test(path))
        .map(({ workspaceId }) => workspaceId),
    );
    if (changed.size === 0) return;
    try {
      await database.asWorker(async (tx) => {
        for (const id of changed) await enqueue(tx, namespacesKind, id);
      });
    } catch (error) {
      log.warn({ error }, 'a change of namespaces will be seen at the next resync');
    }
  });
}
