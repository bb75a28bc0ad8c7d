import type { Clock } from '@hexabase/kernel/clock.ts';
import { doubtMs, type ConditionInput } from '@hexabase/kernel/conditions.ts';
import { KubeRefusal } from '../../../kube-api/call-errors.ts';
import type { TenantClient } from '../../../port.ts';
import { fieldOf, listOf, textOf } from '../host/objects.ts';
import { ofClaim, ofEvent, ofPod, whichOne } from '../host/of-tenants.ts';
import { readFirst, readOne } from '../host/read.ts';
import { controlPlaneSelector, copiedLabel, type HostNames } from '../names.ts';
import {
  isPending,
  isSettled,
  missingOnHost,
  usedUpOf,
  workloadTroubles,
  type WorkloadTrouble,
} from './workload-troubles.ts';

export interface WorkloadsDeps {
  host: TenantClient;
  hostName: string;
  tenant: TenantClient;
  clock: Clock;
}

/** Nothing else waits longer for what is only told. */
const lookMsMax = 5_000;

/**
 * Whether the tenant's own pods run. Whoever sees the workspace reads it, also who may see one project only: so it says how
 * many, and why in words of ours, and neither a name nor anything that a tenant has written.
 */
export async function workloadsRunning(
  deps: WorkloadsDeps,
  names: HostNames,
  signal: AbortSignal,
): Promise<ConditionInput> {
  try {
    return await look(deps, names, AbortSignal.any([signal, AbortSignal.timeout(lookMsMax)]));
  } catch (error) {
    signal.throwIfAborted();
    return error instanceof KubeRefusal && error.status === 403
      ? said('Unknown', 'Forbidden', `The host cluster ${deps.hostName} does not let us see what runs in it.`)
      : said('Unknown', 'NotLookedAt', 'Nobody could look at what runs in it.');
  }
}

async function look(
  { host, tenant, clock }: WorkloadsDeps,
  { namespace, release }: HostNames,
  signal: AbortSignal,
): Promise<ConditionInput> {
  const copies = { apiVersion: 'v1', namespace, labelSelector: `${copiedLabel}=${release}` };
  const waiting = { apiVersion: 'v1', kind: 'Pod', fieldSelector: 'status.phase=Pending', keep: whichOne };
  const [pods, claims, asked] = await Promise.all([
    readFirst(host, { ...copies, kind: 'Pod', keep: ofPod }, signal),
    readFirst(host, { ...copies, kind: 'PersistentVolumeClaim', keep: ofClaim }, signal),
    readFirst(tenant, waiting, signal),
  ]);
  const oldMs = clock.now() - doubtMs;
  // Of a part of the list nobody knows what is missing in it.
  const notCopied = pods.isWhole ? missingOnHost(asked.items, pods.items, oldMs) : [];
  const missing =
    notCopied.length > 0 && (await isUpSince(host, { namespace, release, oldMs }, signal)) ? notCopied : [];
  const isLate = claims.items.some((claim) => isPending(claim) && isSettled(claim, oldMs));
  const none = { items: [] };
  const events = { apiVersion: 'v1', kind: 'Event', keep: ofEvent };
  const [claimEvents, refusals, quota] = await Promise.all([
    isLate ? readFirst(host, { ...events, namespace, fieldSelector: aboutClaims }, signal) : none,
    missing.length > 0 ? readFirst(tenant, { ...events, fieldSelector: aboutRefusals }, signal) : none,
    missing.length > 0
      ? readOne(host, { apiVersion: 'v1', kind: 'ResourceQuota', namespace, name: 'hexabase' }, signal)
      : null,
  ]);
  const usedUp = usedUpOf(quota);
  const seen = {
    pods: pods.items,
    claims: claims.items,
    claimEvents: claimEvents.items,
    missing,
    refusals: refusals.items,
    usedUp,
  };
  return inWords(workloadTroubles(seen, oldMs), { usedUp, isWhole: pods.isWhole });
}

/** A control plane that has just started, as after a sleep, has yet to bring to the host what waits in it since before. */
async function isUpSince(
  host: TenantClient,
  { namespace, release, oldMs }: HostNames & { oldMs: number },
  signal: AbortSignal,
): Promise<boolean> {
  const labelSelector = controlPlaneSelector(release);
  const own = { apiVersion: 'v1', kind: 'Pod', namespace, labelSelector, keep: ofPod };
  return (await readFirst(host, own, signal)).items.some((pod) =>
    listOf(fieldOf(pod, 'status', 'conditions')).some(
      ({ type, status, lastTransitionTime: since }) =>
        type === 'Ready' && status === 'True' && Date.parse(textOf(since)) <= oldMs,
    ),
  );
}

const aboutClaims = 'involvedObject.kind=PersistentVolumeClaim';
/** As vCluster writes it when the host does not take what it copies. */
const aboutRefusals = 'type=Warning,reason=SyncError,involvedObject.kind=Pod';

function inWords(
  troubles: ReadonlyMap<WorkloadTrouble, number>,
  { usedUp, isWhole }: { usedUp: readonly string[]; isWhole: boolean },
): ConditionInput {
  const some = Object.entries(sentenceOf(usedUp)).flatMap(([trouble, sentence]) => {
    const count = new Map<string, number>(troubles).get(trouble) ?? 0;
    const noun = trouble === 'volume' ? 'claim' : 'pod';
    return count === 0 ? [] : [sentence(count === 1 ? `1 ${noun}` : `${count} ${noun}s`)];
  });
  if (some.length === 0) return said('True', 'NoTrouble', '');
  const rest = isWhole ? [] : ['There are more pods than were looked at.'];
  return said('False', 'InTrouble', [...some, ...rest].join(' '));
}

/** In the order in which they are told. */
function sentenceOf(usedUp: readonly string[]): Readonly<Record<WorkloadTrouble, (count: string) => string>> {
  const what = usedUp.length === 0 ? '' : ` (used up: ${usedUp.join(', ')})`;
  return {
    quota: (count) => `The quota of the workspace leaves no room for ${count}${what}.`,
    refused: (count) => `The host cluster does not take ${count}.`,
    room: (count) => `No node takes ${count}.`,
    volume: (count) => `For ${count} there is no volume.`,
    claim: (count) => `A claim is missing for ${count}.`,
    image: (count) => `An image cannot be had for ${count}.`,
    memory: (count) => `In ${count} a container needed more memory than its limit and was stopped.`,
    crash: (count) => `In ${count} a container ends again and again.`,
    creation: (count) => `In ${count} a container cannot be made.`,
  };
}

function said(status: ConditionInput['status'], reason: string, message: string): ConditionInput {
  return { type: 'WorkloadsRunning', status, reason, message };
}
