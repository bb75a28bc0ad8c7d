import { parseQuantity } from '@hexabase/kernel/quantity.ts';
import { fieldOf, isRecord, listOf, metaOf, textOf, type Json } from '../host/objects.ts';
import { copiedLabel, copiedUidNote, dnsLabels } from '../names.ts';
import { claimTrouble } from './claim-trouble.ts';
import {
  containersOf,
  containerTrouble,
  namesNoClaim,
  waitsForVolume,
  whyUnscheduled,
} from './pod-trouble.ts';
import type { ContainerTrouble } from './pod-trouble.ts';

/** What keeps a tenant's own pods from running, the worst first. */
export type WorkloadTrouble = 'quota' | 'refused' | 'room' | 'volume' | 'claim' | ContainerTrouble;

export interface Workloads {
  /** On the host, of the tenant. */
  pods: readonly Json[];
  claims: readonly Json[];
  /** Of the claims, on the host. */
  claimEvents: readonly Json[];
  /** Of the tenant that the host does not have, as the tenant has them. */
  missing: readonly Json[];
  /** That vCluster wrote in the tenant of pods that it could not copy. Whoever may write events there can write such ones. */
  refusals: readonly Json[];
  /** What the quota of the host namespace says is used up, as its status has the names. */
  usedUp: readonly string[];
}

/** How many pods, or for `volume` claims, have which trouble. What is younger than `oldMs` (since the epoch) may still come. */
export function workloadTroubles(seen: Workloads, oldMs: number): Map<WorkloadTrouble, number> {
  const pods = seen.pods.filter((pod) => isSettled(pod, oldMs));
  const waitedFor = new Set(pods.filter(waitsForVolume).flatMap(claimNames));
  const late = seen.claims.filter((claim) => isPending(claim) && isSettled(claim, oldMs));
  const claims = late.filter(
    (claim) =>
      claimTrouble(claim, { events: seen.claimEvents, isWaitedFor: waitedFor.has(metaOf(claim).name) }) !==
      null,
  );
  const found: (WorkloadTrouble | null)[] = [
    ...seen.missing.map((pod) => refusalOf(pod, seen)),
    ...pods.map((pod) => podTrouble(pod, claims)),
    ...claims.map(() => 'volume' as const),
  ];
  const counts = new Map<WorkloadTrouble, number>();
  for (const one of found) if (one !== null) counts.set(one, (counts.get(one) ?? 0) + 1);
  return counts;
}

/** Pods that the tenant waits for and the host does not have. */
export function missingOnHost(waiting: readonly Json[], pods: readonly Json[], oldMs: number): Json[] {
  const copied = new Set(pods.map((pod) => metaOf(pod).annotations[copiedUidNote]));
  return waiting.filter((pod) => isSettled(pod, oldMs) && !copied.has(metaOf(pod).uid));
}

/** Whether it was made before then, and is to stay. */
export function isSettled(object: Json, oldMs: number): boolean {
  const madeMs = Date.parse(textOf(fieldOf(object, 'metadata', 'creationTimestamp')));
  return madeMs <= oldMs && !metaOf(object).deleting;
}

export function isPending(claim: Json): boolean {
  return textOf(fieldOf(claim, 'status', 'phase')) === 'Pending';
}

/** Of pods: what a quota counts for each. A tenant whose load balancers are all in use lacks nothing. */
const countedOfPods = /^(count\/pods|pods|(requests|limits)\.(cpu|memory|ephemeral-storage))$/;

/** What of a quota's share for pods is used up. */
export function usedUpOf(quota: Json | null): string[] {
  const hard = fieldOf(quota, 'status', 'hard');
  return Object.keys(isRecord(hard) ? hard : {}).filter((name) => {
    const used = parseQuantity(textOf(fieldOf(quota, 'status', 'used', name)));
    const most = parseQuantity(textOf(fieldOf(hard, name)));
    return countedOfPods.test(name) && used !== null && most !== null && used >= most;
  });
}

/** The quota where anything says so: the words of the API server that refused it, or else that it is used up. */
function refusalOf(pod: Json, { refusals, usedUp }: Workloads): 'quota' | 'refused' {
  const said = refusals
    .filter((event) => fieldOf(event, 'involvedObject', 'uid') === metaOf(pod).uid)
    .map(({ message }) => textOf(message));
  if (said.length === 0) return usedUp.length > 0 ? 'quota' : 'refused';
  return said.some((words) => /exceeded quota/.test(words)) ? 'quota' : 'refused';
}

/** What of it ended is its owner's matter; what waits for a claim that is told is not told again. */
function podTrouble(pod: Json, claims: readonly Json[]): WorkloadTrouble | null {
  if (isDns(pod) || ['Failed', 'Succeeded'].includes(textOf(fieldOf(pod, 'status', 'phase')))) return null;
  if (namesNoClaim(pod)) return 'claim';
  if (whyUnscheduled(pod) !== null) {
    const names = claimNames(pod);
    const isTold = waitsForVolume(pod) && claims.some((claim) => names.includes(metaOf(claim).name));
    return isTold ? null : 'room';
  }
  return (
    containersOf(pod)
      .map(containerTrouble)
      .find((one) => one !== null) ?? null
  );
}

/** Its name server has conditions of its own. */
function isDns(pod: Json): boolean {
  const { labels } = metaOf(pod);
  const wanted = Object.entries(dnsLabels(textOf(labels[copiedLabel])));
  return wanted.every(([key, value]) => labels[key] === value);
}

function claimNames(pod: Json): string[] {
  return listOf(fieldOf(pod, 'spec', 'volumes')).map((volume) =>
    textOf(fieldOf(volume, 'persistentVolumeClaim', 'claimName')),
  );
}
