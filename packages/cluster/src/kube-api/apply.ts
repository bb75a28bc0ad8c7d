import type { TenantClient, TenantResponse } from '../port.ts';
import { KubeRefusal } from './call-errors.ts';
import { builtinResource, pathOf, type ResourceInfo } from './resource-path.ts';

/** An object as we want it: only the fields that we decide. */
export interface ApplicableObject {
  apiVersion: string;
  kind: string;
  metadata: { name: string; namespace?: string; [field: string]: unknown };
  [field: string]: unknown;
}

export interface ApplyOptions {
  /** Who owns the fields; the same name on every call, or old fields stay behind. */
  fieldManager: string;
  /** Take fields that others own. Without it they are reported as `ApplyConflictError`. */
  force?: boolean;
  signal?: AbortSignal;
}

/** Fields of the object belong to others, who set them to something else. Nothing was changed. */
export class ApplyConflictError extends KubeRefusal {
  readonly conflicts: readonly { manager: string; field: string }[];

  constructor(what: string, answer: TenantResponse) {
    super(what, answer);
    this.name = 'ApplyConflictError';
    this.conflicts = this.causes
      .filter(({ reason }) => reason === 'FieldManagerConflict')
      .map(({ message, field }) => ({ manager: managerIn(message), field }));
    if (this.conflicts.length > 0) {
      const held = this.conflicts.map(({ manager, field }) => `${field} (${manager})`).join(', ');
      this.message = `${what}: these fields belong to others: ${held}`;
    }
  }
}

/**
 * Server-side apply (Kubernetes, "Server-Side Apply"): makes the object or changes the fields that we give, and drops
 * those that we gave before and give no more. Answers the object as it is then. Throws `ApplyConflictError`,
 * `KubeRefusal`, or `KubeCallError` of the client. Safe to repeat.
 */
export async function applyObject(
  client: TenantClient,
  object: ApplicableObject,
  options: ApplyOptions,
): Promise<Record<string, unknown>> {
  const { apiVersion, kind, metadata } = object;
  const resource =
    builtinResource(apiVersion, kind) ??
    (await discoveredResource(client, { apiVersion, kind, signal: options.signal }));
  const query = new URLSearchParams({
    fieldManager: options.fieldManager,
    ...(options.force === true && { force: 'true' }),
  });
  const answer = await client.request({
    method: 'PATCH',
    path: `${pathOf(apiVersion, resource, metadata)}?${query.toString()}`,
    body: object,
    contentType: 'application/apply-patch+yaml',
    ...(options.signal && { signal: options.signal }),
  });
  if (answer.status < 300 && isRecord(answer.body)) return answer.body;
  const what = `${kind} ${metadata.namespace === undefined ? '' : `${metadata.namespace}/`}${metadata.name}`;
  throw answer.status === 409 ? new ApplyConflictError(what, answer) : new KubeRefusal(what, answer);
}

/** Asks the API for a kind that is not built in. Throws `KubeRefusal` when it has none. */
export async function discoveredResource(
  client: TenantClient,
  { apiVersion, kind, signal }: { apiVersion: string; kind: string; signal: AbortSignal | undefined },
): Promise<ResourceInfo> {
  const path = apiVersion.includes('/') ? `/apis/${apiVersion}` : `/api/${apiVersion}`;
  const answer = await client.request({ method: 'GET', path, ...(signal && { signal }) });
  const list = isRecord(answer.body) ? answer.body['resources'] : undefined;
  const resources = Array.isArray(list) ? list.filter(isRecord) : [];
  // Subresources have their parent in the name: `pods/eviction`.
  const found = resources.find(
    ({ kind: served, name }) => served === kind && typeof name === 'string' && !name.includes('/'),
  );
  if (!found) {
    throw new KubeRefusal(`${apiVersion} ${kind}`, {
      status: answer.status < 300 ? 404 : answer.status,
      body: answer.status < 300 ? 'the cluster has no such kind' : answer.body,
    });
  }
  return { plural: String(found['name']), namespaced: found['namespaced'] === true };
}

/** `conflict with "kubectl" using apps/v1` or, for an update, `conflict with "kubectl" with subresource …`. */
function managerIn(message: string): string {
  return /^conflict with "([^"]*)"/.exec(message)?.[1] ?? message;
}

function isRecord(value: unknown): value is Record<string, unknown> {
  return value !== null && typeof value === 'object' && !Array.isArray(value);
}
