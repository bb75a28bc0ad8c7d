import type { KubeObject } from '../../types.ts';
import type { WriteDecision } from '../../store/store.ts';
import type { Call } from '../deps.ts';
import { badRequest, conflict, notFound } from '../errors.ts';
import { gracePeriodOf } from '../kinds/grace.ts';
import { countsGeneration, orphansByDefault } from '../kinds/traits.ts';
import { isRecord, kubeTime, numberAt, recordAt, textAt } from './object.ts';
import { heldBy, namespaces } from './removal.ts';

/** `metav1.DeleteOptions`, from body or query. */
export interface DeleteRequest {
  gracePeriodSeconds?: number;
  propagationPolicy?: 'Foreground' | 'Background' | 'Orphan';
  uid?: string;
  resourceVersion?: string;
}

export interface Deleted {
  object: KubeObject;
  /** False while a grace period or finalizers keep it. */
  gone: boolean;
}

const foreground = 'foregroundDeletion';
const orphan = 'orphan';

/** Reads the options of a DELETE. Throws 400. */
export function parseDeleteRequest(body: unknown, query: URLSearchParams): DeleteRequest {
  const source = isRecord(body) ? body : {};
  const request: DeleteRequest = {};
  const seconds =
    numberAt(source, 'gracePeriodSeconds') ??
    (query.has('gracePeriodSeconds') ? Number(query.get('gracePeriodSeconds')) : undefined);
  if (seconds !== undefined) {
    if (!Number.isInteger(seconds)) throw badRequest('gracePeriodSeconds must be an integer');
    // Upstream treats a negative period as "at once, but gracefully": one second.
    request.gracePeriodSeconds = seconds < 0 ? 1 : seconds;
  }
  const policy = textAt(source, 'propagationPolicy') || (query.get('propagationPolicy') ?? '');
  if (policy === 'Foreground' || policy === 'Background' || policy === 'Orphan')
    request.propagationPolicy = policy;
  else if (policy !== '') {
    throw badRequest(
      `DeleteOptions.meta.k8s.io "" is invalid: propagationPolicy: Unsupported value: "${policy}": supported values: "Foreground", "Background", "Orphan", "nil"`,
    );
  }
  if (source['orphanDependents'] === true || query.get('orphanDependents') === 'true')
    request.propagationPolicy = 'Orphan';
  else if (source['orphanDependents'] === false) request.propagationPolicy = 'Background';
  const preconditions = recordAt(source, 'preconditions');
  if (textAt(preconditions, 'uid')) request.uid = textAt(preconditions, 'uid');
  if (textAt(preconditions, 'resourceVersion'))
    request.resourceVersion = textAt(preconditions, 'resourceVersion');
  return request;
}

/** Deletes, or starts to: a grace period or finalizers leave the object with a deletionTimestamp. Throws 404, 409. */
export async function deleteObject(call: Call, request: DeleteRequest): Promise<Deleted> {
  const { info, cluster, namespace, name } = call;
  const old = cluster.store.get(info.groupResource, namespace, name);
  if (!old) throw notFound(info, name);
  await cluster.deps.admit({ ...call, operation: 'DELETE', object: undefined, old, warn: call.warn });
  if (call.dryRun) {
    const decision = decideDelete(call, request, old);
    return { object: decision.kind === 'put' ? decision.object : old, gone: decision.kind === 'delete' };
  }
  let decision: WriteDecision = { kind: 'none' };
  let before: KubeObject = old;
  const result = await cluster.store.write({ resource: info.groupResource, namespace, name }, (current) => {
    if (!current) throw notFound(info, name);
    before = current;
    decision = decideDelete(call, request, current);
    return decision;
  });
  return { object: result.object ?? before, gone: isDelete(decision) };
}

function isDelete(decision: WriteDecision): boolean {
  return decision.kind === 'delete';
}

/** What a deletion does to the object as it is now (k8s.io/apiserver/pkg/registry BeforeDelete and its finalizer rules). */
function decideDelete(call: Call, request: DeleteRequest, current: KubeObject): WriteDecision {
  checkPreconditions(call, request, current);
  const now = call.cluster.deps.clock.now();
  const grace = gracePeriodOf(call.info, current, request.gracePeriodSeconds);
  const finalizers = finalizersFor(call, request, current);
  const metadata = { ...current.metadata, ...(finalizers.length > 0 && { finalizers }) };
  if (finalizers.length === 0) delete metadata.finalizers;
  const next: KubeObject = { ...current, metadata };
  if (current.metadata.deletionTimestamp === undefined) {
    if (grace === 0 && !heldBy(call.info, next)) return { kind: 'delete' };
    metadata.deletionTimestamp = kubeTime(now + grace * 1000);
    metadata.deletionGracePeriodSeconds = grace;
    if (countsGeneration(call.info) && metadata.generation !== undefined) metadata.generation += 1;
    if (call.info.groupResource === namespaces)
      next['status'] = { ...recordAt(current, 'status'), phase: 'Terminating' };
    return { kind: 'put', object: next };
  }
  const pending = current.metadata.deletionGracePeriodSeconds ?? 0;
  if (grace === 0 && !heldBy(call.info, next)) return { kind: 'delete' };
  if (grace >= pending) {
    return finalizers.length === (current.metadata.finalizers?.length ?? 0)
      ? { kind: 'none' }
      : { kind: 'put', object: next };
  }
  // A shorter period counts from when the deletion began.
  const began = Date.parse(current.metadata.deletionTimestamp) - pending * 1000;
  metadata.deletionTimestamp = kubeTime(Math.max(now, began + grace * 1000));
  metadata.deletionGracePeriodSeconds = grace;
  return { kind: 'put', object: next };
}

function finalizersFor(call: Call, request: DeleteRequest, current: KubeObject): string[] {
  const held = current.metadata.finalizers ?? [];
  const policy =
    request.propagationPolicy ?? inherited(held) ?? (orphansByDefault(call.info) ? 'Orphan' : 'Background');
  const others = held.filter((finalizer) => finalizer !== orphan && finalizer !== foreground);
  if (policy === 'Foreground') return [...others, foreground];
  return policy === 'Orphan' ? [...others, orphan] : others;
}

/** Without a policy, finalizers that are already there say it. */
function inherited(finalizers: readonly string[]): DeleteRequest['propagationPolicy'] {
  if (finalizers.includes(orphan)) return 'Orphan';
  return finalizers.includes(foreground) ? 'Foreground' : undefined;
}

function checkPreconditions(call: Call, request: DeleteRequest, current: KubeObject): void {
  const { uid, resourceVersion } = current.metadata;
  if (request.uid !== undefined && request.uid !== uid) {
    throw conflict(
      call.info,
      call.name,
      `the UID in the precondition (${request.uid}) does not match the UID in record (${uid}). The object might have been deleted and then recreated`,
    );
  }
  if (request.resourceVersion !== undefined && request.resourceVersion !== resourceVersion) {
    throw conflict(
      call.info,
      call.name,
      `the ResourceVersion in the precondition (${request.resourceVersion}) does not match the ResourceVersion in record (${resourceVersion}). The object might have been modified`,
    );
  }
}
