import {
  deleteObject,
  ensureObject,
  metadataOf,
  readObject,
  type Place,
  type WantedObject,
} from '@hexabase/cluster/ensure-object.ts';
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
      await ensureExactly({ client, path: `${core}/resourcequotas`, signal }, quota(subject));
      await ensureExactly({ client, path: `${core}/limitranges`, signal }, limits(subject));
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

/** The plan bounds what is requested; limits may be twice that, since not every container peaks at once. */
const limitFactor = 2;

function quota({ name: namespace, size }: ProjectSubject): WantedObject {
  return {
    apiVersion: 'v1',
    kind: 'ResourceQuota',
    metadata: { name, namespace, labels },
    spec: {
      hard: {
        'requests.cpu': cpuText(size.cpuMilli),
        'limits.cpu': cpuText(size.cpuMilli * limitFactor),
        'requests.memory': memoryText(size.memoryMib),
        'limits.memory': memoryText(size.memoryMib * limitFactor),
        'requests.storage': `${size.storageGib}Gi`,
        pods: '100',
        persistentvolumeclaims: '20',
        'services.loadbalancers': '2',
        // Each load balancer takes one for each of its ports; others the host refuses.
        'services.nodeports': '10',
      },
    },
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
          default: { cpu: '200m', memory: '256Mi' },
          defaultRequest: { cpu: '50m', memory: '64Mi' },
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

/** As Kubernetes writes it back: `2`, `500m`. */
export function cpuText(milli: number): string {
  return milli % 1000 === 0 ? String(milli / 1000) : `${milli}m`;
}

/** As Kubernetes writes it back: `4Gi`, `512Mi`. */
export function memoryText(mib: number): string {
  return mib % 1024 === 0 ? `${mib / 1024}Gi` : `${mib}Mi`;
}
