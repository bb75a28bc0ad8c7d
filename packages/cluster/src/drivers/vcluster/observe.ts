import type { Clock } from '@hexabase/kernel/clock.ts';
import type { ConditionInput } from '@hexabase/kernel/conditions.ts';
import type { WorkspaceId } from '@hexabase/kernel/id.ts';
import { KubeRefusal } from '../../kube-api/call-errors.ts';
import type { TenantClient, TenantState } from '../../port.ts';
import { conditionsOf, inTheirPlace } from './conditions.ts';
import { isOurs } from './host/namespace.ts';
import { fieldOf, listOf, metaOf, numberOf, textOf, type Json } from './host/objects.ts';
import { ofClaim, ofEvent, ofPod, whichOne } from './host/of-tenants.ts';
import { readAll, readOne, type Selection } from './host/read.ts';
import { controlPlaneSelector, copiedLabel, dnsLabels, namesOf, note } from './names.ts';
import { workloadsRunning } from './workloads/workloads-running.ts';

export interface ObserveDeps {
  clock: Clock;
  host: TenantClient;
  hostName: string;
  clientOf(workspaceId: WorkspaceId): TenantClient;
}

/** A tenant that does not answer within this time is not ready. */
const answerMsMax = 5000;
/** In a sentence. */
const podsNamedMax = 3;

/** Looks at the host, then asks the tenant itself; only its own answer makes it ready. */
export async function observeTenant(
  deps: ObserveDeps,
  workspaceId: WorkspaceId,
  signal: AbortSignal,
): Promise<TenantState> {
  signal.throwIfAborted();
  const { host } = deps;
  const { namespace, release } = namesOf(workspaceId);
  const [space, statefulSet, dns] = await Promise.all([
    readOne(host, { apiVersion: 'v1', kind: 'Namespace', name: namespace }, signal),
    readOne(host, { apiVersion: 'apps/v1', kind: 'StatefulSet', namespace, name: release }, signal),
    dnsPods(host, { namespace, release, signal }),
  ]);
  // Somebody else's namespace is no tenant of ours; making one says so.
  if (!space || !isOurs(space, workspaceId)) return { kind: 'absent' };
  const { uid, annotations, deleting } = metaOf(space);
  const version =
    !deleting && isUp(statefulSet) ? await answeringVersion(deps, { workspaceId, signal }) : null;
  const stopped = isStopped(statefulSet);
  const ending = stopped ? await endingPods(host, { namespace, release, signal }) : [];
  const [conditions, workloads] = await Promise.all([said(), version === null ? undefined : ofWorkloads()]);
  return {
    kind: 'present',
    uid,
    generation: Number(annotations[note.generation] ?? 0),
    ready: version !== null,
    asleep: stopped && ending.length === 0,
    kubernetesVersion: version,
    release: textOf(annotations[note.release]) || null,
    conditions,
    ...(workloads && { workloads }),
  };

  function ofWorkloads(): Promise<ConditionInput> {
    const tenant = deps.clientOf(workspaceId);
    return workloadsRunning({ ...deps, tenant }, { namespace, release }, signal);
  }

  function said(): Promise<ConditionInput[]> | ConditionInput[] {
    if (stopped || deleting) return fallingAsleep(ending);
    const place = { namespace, release, dns, signal };
    return version === null ? reasons(deps, place) : ofDns(deps, place);
  }
}

interface Place {
  namespace: string;
  release: string;
  signal: AbortSignal;
}

/** Null when we may not look. */
type DnsPods = Json[] | null;

/** Of a tenant, as they are on its host. */
export function dnsPods(host: TenantClient, { namespace, release, signal }: Place): Promise<DnsPods> {
  const labelSelector = Object.entries(dnsLabels(release))
    .map(([key, value]) => `${key}=${value}`)
    .join(',');
  const selection = { apiVersion: 'v1', kind: 'Pod', namespace, labelSelector, keep: ofPod };
  return visible(readAll(host, selection, signal));
}

/** While the API answers nothing else of the tenant's own can be missing. What ends or is ready says nothing. */
async function ofDns(
  { host, hostName }: ObserveDeps,
  { dns, signal }: Place & { dns: DnsPods },
): Promise<ConditionInput[]> {
  const pods = dns && inTheirPlace(dns.filter((pod) => !metaOf(pod).deleting)).filter((pod) => !isReady(pod));
  const nodes = await visible(nodesOf(pods ?? [], { host, signal }));
  return conditionsOf({ hostName, pods, claims: [], events: [], nodes });
}

function isReady(pod: Json): boolean {
  const ready = listOf(fieldOf(pod, 'status', 'conditions')).find(({ type }) => type === 'Ready');
  return ready?.['status'] === 'True';
}

/** The StatefulSet is as it was last written, and its pod is ready: the service leads somewhere. */
function isUp(statefulSet: Json | null): boolean {
  const status = fieldOf(statefulSet, 'status');
  const wanted = numberOf(fieldOf(statefulSet, 'spec', 'replicas'));
  return (
    wanted > 0 &&
    numberOf(fieldOf(status, 'observedGeneration')) >= metaOf(statefulSet).generation &&
    numberOf(fieldOf(status, 'readyReplicas')) >= wanted &&
    numberOf(fieldOf(status, 'updatedReplicas')) >= wanted
  );
}

/** The control plane is to be stopped, and its pod is gone. */
function isStopped(statefulSet: Json | null): boolean {
  return (
    statefulSet !== null &&
    fieldOf(statefulSet, 'spec', 'replicas') === 0 &&
    numberOf(fieldOf(statefulSet, 'status', 'replicas')) === 0
  );
}

/** Names of the tenant's own pods that are still there: they run on after the control plane until their grace is over. */
async function endingPods(host: TenantClient, { namespace, release, signal }: Place): Promise<string[]> {
  const labelSelector = `${copiedLabel}=${release}`;
  const copies = { apiVersion: 'v1', kind: 'Pod', namespace, labelSelector, keep: whichOne };
  return (await readAll(host, copies, signal)).map((pod) => metaOf(pod).name);
}

function fallingAsleep(pods: readonly string[]): ConditionInput[] {
  if (pods.length === 0) return [];
  const named = pods.slice(0, podsNamedMax).join(', ') + (pods.length > podsNamedMax ? ', …' : '');
  const message =
    pods.length === 1
      ? `One pod is still ending: ${named}`
      : `${pods.length} pods are still ending: ${named}`;
  return [{ type: 'Asleep', status: 'Unknown', reason: 'FallingAsleep', message }];
}

/** `v1.34.4` when the tenant says through its own address that it is ready; null for every other outcome. */
async function answeringVersion(
  { clientOf }: ObserveDeps,
  { workspaceId, signal }: { workspaceId: WorkspaceId; signal: AbortSignal },
): Promise<string | null> {
  const limit = AbortSignal.any([signal, AbortSignal.timeout(answerMsMax)]);
  const client = clientOf(workspaceId);
  try {
    // One after the other: at the same time they would shake hands twice.
    const ready = await client.request({ method: 'GET', path: '/readyz', signal: limit });
    if (ready.status !== 200) return null;
    const version = await client.request({ method: 'GET', path: '/version', signal: limit });
    const said = textOf(fieldOf(version.body, 'gitVersion'));
    return version.status === 200 && said !== '' ? said : null;
  } catch {
    signal.throwIfAborted();
    return null;
  }
}

async function reasons(
  { host, hostName }: ObserveDeps,
  { namespace, release, dns, signal }: Place & { dns: DnsPods },
): Promise<ConditionInput[]> {
  const list = (selection: Omit<Selection, 'apiVersion' | 'namespace'>) =>
    visible(readAll(host, { apiVersion: 'v1', namespace, ...selection }, signal));
  const labelSelector = controlPlaneSelector(release);
  const [own, claims, warnings, ofClaims] = await Promise.all([
    list({ kind: 'Pod', labelSelector, keep: ofPod }),
    list({ kind: 'PersistentVolumeClaim', labelSelector, keep: ofClaim }),
    list({ kind: 'Event', fieldSelector: 'type=Warning', keep: ofEvent }),
    list({
      kind: 'Event',
      fieldSelector: 'type!=Warning,involvedObject.kind=PersistentVolumeClaim',
      keep: ofEvent,
    }),
  ]);
  const pods = own && dns ? [...own, ...dns] : null;
  const events = warnings && ofClaims ? [...warnings, ...ofClaims] : null;
  const nodes = await visible(nodesOf(pods ?? [], { host, signal }));
  return conditionsOf({ hostName, pods, claims, events, nodes });
}

/** The nodes that pods were given to; one that is not there is left out. */
async function nodesOf(
  pods: readonly Json[],
  { host, signal }: { host: TenantClient; signal: AbortSignal },
): Promise<Json[]> {
  const names = new Set(
    pods.map((pod) => textOf(fieldOf(pod, 'spec', 'nodeName'))).filter((name) => name !== ''),
  );
  const read = [...names].map((name) => readOne(host, { apiVersion: 'v1', kind: 'Node', name }, signal));
  return (await Promise.all(read)).filter((node) => node !== null);
}

/** Null when we may not look; everything else that goes wrong is the caller's to hear. */
async function visible(list: Promise<Json[]>): Promise<Json[] | null> {
  try {
    return await list;
  } catch (error) {
    if (error instanceof KubeRefusal && error.status === 403) return null;
    throw error;
  }
}
