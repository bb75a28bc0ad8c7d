import { StatusError } from '../api/status-error.ts';
import { fieldsOf } from '../auth/fields.ts';
import type { KubeObject } from '../types.ts';
import { refused, type AdmissionContext } from './context.ts';

const immortal: ReadonlySet<string> = new Set(['default', 'kube-system', 'kube-public']);
const reviewGroups: ReadonlySet<string> = new Set(['authorization.k8s.io', 'authentication.k8s.io']);

/**
 * Keeps objects inside living namespaces: 404 when there is none, 403 for new content in one that is going away, and
 * the system's own namespaces cannot be deleted (apiserver plugin NamespaceLifecycle). Terminating shows in the
 * deletionTimestamp as well as in the phase, since a status update may claim another phase.
 */
export function namespaceLifecycle(context: AdmissionContext): void {
  const { operation, info, namespace, name } = context;
  if (info.groupResource === '/namespaces') {
    if (operation === 'DELETE' && immortal.has(name))
      throw refused(context, 'this namespace may not be deleted');
    return;
  }
  if (!info.namespaced || operation === 'DELETE' || reviewGroups.has(info.group)) return;
  const home = context.store.get('/namespaces', '', namespace);
  if (!home) {
    const details = { name: namespace, kind: 'namespaces' };
    throw new StatusError(404, 'NotFound', {
      message: `namespaces ${JSON.stringify(namespace)} not found`,
      details,
    });
  }
  if (operation === 'CREATE' && isTerminating(home)) throw terminating(context);
}

/** True while a namespace is being deleted. */
export function isTerminating(namespace: KubeObject): boolean {
  return (
    namespace.metadata.deletionTimestamp !== undefined ||
    fieldsOf(namespace['status'])['phase'] === 'Terminating'
  );
}

function terminating(context: AdmissionContext): StatusError {
  const { namespace } = context;
  const error = refused(
    context,
    `unable to create new content in namespace ${namespace} because it is being terminated`,
  );
  const cause = {
    reason: 'NamespaceTerminating',
    message: `namespace ${namespace} is being terminated`,
    field: 'metadata.namespace',
  };
  error.status.details = { ...error.status.details, causes: [cause] };
  return error;
}
