import { enqueue } from '@hexabase/reconcile/queue.ts';
import { workspacesOf, type Notice } from '../../run/notice-writes.ts';
import { namespacesKind } from './namespace.ts';

const namespaces = /^api\/v1\/namespaces(?:\/[^/]+)?$/;
const thatMakeOrEnd: readonly string[] = ['create', 'delete', 'deletecollection'];

/**
 * Has the namespaces of a workspace looked at when somebody has made or deleted one with kubectl: it is a project within a
 * second or two, whichever driver carries the workspace, and a workspace that nobody uses costs nothing. What a pod of the
 * workspace does past the gateway is told by the driver where it can tell, else found by the slow resync.
 */
export const namespaceChanges: Notice = {
  concerns: ({ verb, path }) => thatMakeOrEnd.includes(verb) && namespaces.test(path),
  async wake(tx, writes) {
    for (const id of workspacesOf(writes)) await enqueue(tx, namespacesKind, id);
  },
};
