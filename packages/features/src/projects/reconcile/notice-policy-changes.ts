import type { Logger } from '@hexabase/kernel/log.ts';
import type { Database } from '@hexabase/postgres/database.ts';
import {
  noticeWrites,
  type AccessSink,
  type ClusterAccess,
  type ClusterWrite,
} from '../../run/notice-writes.ts';
import { wakeProjects, type ProjectPlace } from './store.ts';

const policies =
  /^(?:apis\/networking\.k8s\.io\/v1\/namespaces\/([^/]+)\/networkpolicies|api\/v1\/namespaces\/([^/]+)\/(?:resourcequotas|limitranges))(?:\/|$)/;
/** Its status and its finalizing take labels too. */
const namespace = /^api\/v1\/namespaces\/([^/]+)(?:\/(?:status|finalize))?$/;

/**
 * Has projects looked at whose quota, limits, network policy or namespace somebody has changed with kubectl: Kubernetes
 * cannot allow a developer their own network policies and refuse them ours, so ours is put back.
 */
export function noticePolicyChanges<Entry extends ClusterAccess>(
  audit: AccessSink<Entry>,
  { database, log }: { database: Database; log: Logger },
): AccessSink<Entry> {
  return noticeWrites(audit, async (writes) => {
    const places = writes.flatMap(placeOf);
    if (places.length === 0) return;
    try {
      await database.asWorker((tx) => wakeProjects(tx, places));
    } catch (error) {
      log.warn({ error }, 'a change of policies will be put back at the next resync');
    }
  });
}

function placeOf({ workspaceId, verb, path }: ClusterWrite): ProjectPlace[] {
  const [, ofNetwork, ofPlan] = policies.exec(path) ?? [];
  // That a namespace is made or deleted is noticed elsewhere.
  const relabelled = verb === 'update' || verb === 'patch' ? namespace.exec(path)?.[1] : undefined;
  const name = ofNetwork ?? ofPlan ?? relabelled;
  return name === undefined ? [] : [{ workspaceId, name }];
}
