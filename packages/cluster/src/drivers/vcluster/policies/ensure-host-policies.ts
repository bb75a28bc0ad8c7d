import { applyObject, type ApplicableObject } from '../../../kube-api/apply.ts';
import { KubeRefusal } from '../../../kube-api/call-errors.ts';
import type { TenantClient } from '../../../port.ts';
import { fieldManager } from '../names.ts';
import { systemNamespace } from './host-rbac.ts';
import { installedPolicies } from './host-policies.ts';
import { nativePolicy } from './native.ts';

/** What became of the admission policies on a host. */
export type HostPoliciesState =
  /** They are there and deny. */
  | 'installed'
  /** The host is older than Kubernetes 1.30; deploy/policies/kyverno has the same rules. */
  | 'not-served'
  /** We have no right to install them; an administrator applies deploy/policies/native. */
  | 'not-allowed';

/**
 * Makes what a host must have before the first workspace: the namespace of the fences and our admission policies. Safe
 * to repeat; an administrator's changes to our own fields are put back. Throws `KubeRefusal` or `KubeCallError`.
 */
export async function ensureHostPolicies(
  client: TenantClient,
  { signal }: { signal?: AbortSignal } = {},
): Promise<HostPoliciesState> {
  const apply = (object: ApplicableObject) =>
    applyObject(client, object, { fieldManager, force: true, ...(signal && { signal }) });
  await apply(systemNamespace());
  if (!(await servesPolicies(client, signal))) return 'not-served';
  try {
    // A policy before its binding: a binding to nothing is an error to every request that it matches.
    for (const policy of installedPolicies) for (const object of nativePolicy(policy)) await apply(object);
  } catch (error) {
    if (error instanceof KubeRefusal && error.status === 403) return 'not-allowed';
    throw error;
  }
  return 'installed';
}

async function servesPolicies(client: TenantClient, signal: AbortSignal | undefined): Promise<boolean> {
  const answer = await client.request({
    method: 'GET',
    path: '/apis/admissionregistration.k8s.io/v1',
    ...(signal && { signal }),
  });
  return JSON.stringify(answer.body).includes('"ValidatingAdmissionPolicy"');
}
