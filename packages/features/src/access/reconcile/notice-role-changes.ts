import { workspacesOf, type Notice } from '../../run/notice-writes.ts';
import { wakeAccess } from '../public.ts';

const roles = /^apis\/rbac\.authorization\.k8s\.io\//;

/** Has roles and bindings looked at that people have changed in their clusters: what is ours is put back. */
export const roleChanges: Notice = {
  concerns: ({ path }) => roles.test(path),
  wake: (tx, writes) => wakeAccess(tx, workspacesOf(writes)),
};
