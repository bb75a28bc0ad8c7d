import {
  deleteObject,
  ensureObject,
  metadataOf,
  readObject,
  type Place,
  type WantedObject,
} from '@hexabase/cluster/ensure-object.ts';
import { hardOf, promisedBy, scratch } from '@hexabase/cluster/plan-bounds.ts';
import type { ClusterDriver } from '@hexabase/cluster/port.ts';
import type { Step } from '@hexabase/reconcile/reconciler.ts';
import type { ProjectSubject } from './store.ts';

const name = 'hexabase';
const labels = { 'app.kubernetes.io/managed-by': 'hexabase' };

/**
 * Quota, limits and network policy of a project. They are always put back: the plan decides them, not the tenant. What a
 * tenant adds under other names is theirs.
 */
export function policiesStep(driver: ClusterDriver): Step<ProjectSubject> {
  return {
    name: 'policies',
    words: 'Setting quota, limits and network policy',
    timeoutMs: 30_000,
    run: async ({ subject, signal }) => {
      const client = driver.tenantClient(subject.workspaceId);
      const core = `/api/v1/namespaces/${subject.name}`;
      const network = `/apis/networking.k8s.io/v1/namespaces/${subject.name}/networkpolicies`;
      await ensureExactly({ client, path: network, signal }, denyFromOutside(subject));
      // Before the quota, which refuses what has no limits.
      await ensureExactly({ client, path: `${core}/limitranges`, signal }, limits(subject));
      await ensureExactly({ client, path: `${core}/resourcequotas`, signal }, quota(subject));
      return {
        kind: 'done',
        conditions: [{ type: 'PolicyReady', status: 'True', reason: 'InPlace', message: '' }],
      };
    },
  };
}

/** One more field in a selector or a peer, and the policy means something else: nothing is added to what we write. */
async function ensureExactly(place: Place, wanted: WantedObject): Promise<void> {
  const existing = await readObject(place, wanted.metadata.name);
  // A quota that was made anew for some pods only: Kubernetes does not let that be changed.
  if (existing && hasScopes(existing['spec']))
    await deleteObject(place, wanted.metadata.name, metadataOf(existing).uid);
  await ensureObject(place, wanted, { exactly: ['spec'] });
}

function hasScopes(spec: unknown): boolean {
  return typeof spec === 'object' && spec !== null && ('scopes' in spec || 'scopeSelector' in spec);
}

/** Each project may take all that the plan promises; all of them together no more than the cluster has for the workspace. */
function quota({ name: namespace, size }: ProjectSubject): WantedObject {
  return {
    apiVersion: 'v1',
    kind: 'ResourceQuota',
    metadata: { name, namespace, labels },
    spec: { hard: hardOf(promisedBy(size)) },
  };
}

/** What a container gets that asks for nothing: with a quota on limits it would else be refused. */
function limits({ name: namespace }: ProjectSubject): WantedObject {
  return {
    apiVersion: 'v1',
    kind: 'LimitRange',
    metadata: { name, namespace, labels },
    spec: {
      limits: [
        {
          type: 'Container',
          default: { cpu: '200m', memory: '256Mi', 'ephemeral-storage': scratch.limit },
          defaultRequest: { cpu: '50m', memory: '64Mi', 'ephemeral-storage': scratch.request },
        },
      ],
    },
  };
}

/** Pods of the project reach each other; from elsewhere nothing comes in until a policy of the project allows it. */
function denyFromOutside({ name: namespace }: ProjectSubject): WantedObject {
  return {
    apiVersion: 'networking.k8s.io/v1',
    kind: 'NetworkPolicy',
    metadata: { name: 'hexabase-default-deny', namespace, labels },
    spec: { podSelector: {}, policyTypes: ['Ingress'], ingress: [{ from: [{ podSelector: {} }] }] },
  };
}
