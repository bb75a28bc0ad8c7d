import { workspacesOf, type Notice } from '../../run/notice-writes.ts';
import { wakeAccess } from '../public.ts';

const roles = /^apis\/rbac\.authorization\.k8s\.io\//;
/** Webhooks and policies. */
const refusals = /^apis\/admissionregistration\.k8s\.io\//;

/**
 * Has roles and bindings looked at that people have changed in their clusters: what is ours is put back. Also when they
 * change what refuses it: nobody who has taken it away waits for the next try.
 */
export const roleChanges: Notice = {
  concerns: ({ path }) => roles.test(path) || refusals.test(path),
  wake: (tx, writes) => wakeAccess(tx, workspacesOf(writes)),
};
