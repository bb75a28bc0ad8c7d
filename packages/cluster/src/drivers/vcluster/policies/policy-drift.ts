import type { ApplicableObject } from '../../../kube-api/apply.ts';
import type { TenantClient } from '../../../port.ts';
import { covers } from '../host/covers.ts';
import { isRecord, metaOf, type Json } from '../host/objects.ts';
import { readAll } from '../host/read.ts';
import { installedPolicies } from './host-policies.ts';
import { nativePolicy } from './native.ts';

/** One of our policies or bindings that is not as it should be. */
export interface Drift {
  wanted: ApplicableObject;
  /** Null when it is not there. */
  live: Json | null;
  /** Decides differently than it should. */
  decides: boolean;
}

/** What an administrator, or an older version of us, has left otherwise on a host. Throws `KubeRefusal` and `KubeCallError`. */
export async function policyDrift(client: TenantClient, signal: AbortSignal): Promise<Drift[]> {
  const apiVersion = 'admissionregistration.k8s.io/v1';
  const lists = await Promise.all(
    ['ValidatingAdmissionPolicy', 'ValidatingAdmissionPolicyBinding'].map(async (kind) => {
      const found = await readAll(client, { apiVersion, kind }, signal);
      return found.map((object) => [`${kind}/${metaOf(object).name}`, object] as const);
    }),
  );
  const there = new Map(lists.flat());
  return installedPolicies.flatMap(nativePolicy).flatMap((wanted) => {
    const live = there.get(`${wanted.kind}/${wanted.metadata.name}`) ?? null;
    const decides = live === null || metaOf(live).deleting || !isExactly(live['spec'], wanted['spec']);
    const { labels, annotations } = wanted.metadata;
    return decides || !covers(live['metadata'], { labels, annotations }) ? [{ wanted, live, decides }] : [];
  });
}

/** What the API server fills in by itself (Kubernetes API, `MatchResources` and `RuleWithOperations`). */
const filledIn: Readonly<Record<string, unknown>> = { matchPolicy: 'Equivalent', scope: '*' };

/** True when nothing is missing and nothing was added: one more condition or exception makes a policy a weaker one. */
function isExactly(live: unknown, wanted: unknown): boolean {
  if (Array.isArray(wanted)) {
    return (
      Array.isArray(live) &&
      live.length === wanted.length &&
      wanted.every((item, index) => isExactly(live[index], item))
    );
  }
  if (!isRecord(wanted)) return live === wanted;
  if (!isRecord(live)) return false;
  const added = Object.entries(live).filter(([key]) => !(key in wanted));
  return (
    Object.entries(wanted).every(([key, value]) => isExactly(live[key], value)) &&
    added.every(
      ([key, value]) => value === filledIn[key] || (isRecord(value) && Object.keys(value).length === 0),
    )
  );
}
