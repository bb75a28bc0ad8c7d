import { applyObject, type ApplicableObject } from '../../../kube-api/apply.ts';
import { KubeRefusal } from '../../../kube-api/call-errors.ts';
import { resourcePath } from '../../../kube-api/resource-path.ts';
import type { TenantClient } from '../../../port.ts';
import { metaOf, type Json } from '../host/objects.ts';
import { fieldManager } from '../names.ts';
import { systemNamespace } from './host-rbac.ts';
import { policyDrift } from './policy-drift.ts';

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
 * to repeat; whatever else an administrator has made of them is put back. Throws `KubeRefusal` or `KubeCallError`.
 */
export async function ensureHostPolicies(
  client: TenantClient,
  { signal = new AbortController().signal }: { signal?: AbortSignal } = {},
): Promise<HostPoliciesState> {
  const apply = (object: ApplicableObject) =>
    applyObject(client, object, { fieldManager, force: true, signal });
  await apply(systemNamespace());
  if (!(await servesPolicies(client, signal))) return 'not-served';
  const allowed = async (work: () => Promise<void>): Promise<boolean> => {
    try {
      await work();
      return true;
    } catch (error) {
      if (error instanceof KubeRefusal && error.status === 403) return false;
      throw error;
    }
  };
  // A policy before its binding: a binding to nothing is an error to every request that it matches. Rights are given by
  // name: one that we may not write, as after an upgrade, keeps none of the others from being put back.
  let all = true;
  const looked = await allowed(async () => {
    for (const { wanted, live, decides } of await policyDrift(client, signal)) {
      const written = await allowed(async () => {
        if (live !== null && decides) await replaceSpec(client, { wanted, live, signal });
        await apply(wanted);
      });
      all &&= written;
    }
  });
  return looked && all ? 'installed' : 'not-allowed';
}

/** Apply leaves what others have added, as an exception from a policy. */
async function replaceSpec(
  client: TenantClient,
  { wanted, live, signal }: { wanted: ApplicableObject; live: Json; signal: AbortSignal },
): Promise<void> {
  const { apiVersion, kind, metadata } = wanted;
  const { name } = metadata;
  const answer = await client.request({
    method: 'PATCH',
    path: `${resourcePath(apiVersion, kind, { name })}?fieldManager=${fieldManager}`,
    contentType: 'application/json-patch+json',
    body: [
      { op: 'test', path: '/metadata/resourceVersion', value: metaOf(live).resourceVersion },
      { op: 'replace', path: '/spec', value: wanted['spec'] },
    ],
    signal,
  });
  if (answer.status >= 300) throw new KubeRefusal(`${kind} ${name}`, answer);
}

async function servesPolicies(client: TenantClient, signal: AbortSignal): Promise<boolean> {
  const path = '/apis/admissionregistration.k8s.io/v1';
  const answer = await client.request({ method: 'GET', path, signal });
  return JSON.stringify(answer.body).includes('"ValidatingAdmissionPolicy"');
}
