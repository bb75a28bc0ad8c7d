import type { ConditionInput } from '@hexabase/kernel/conditions.ts';
import { sentences } from '@hexabase/kernel/text/sentences.ts';
import { fieldOf, listOf, metaOf, numberOf, textOf, type Json } from './host/objects.ts';
import { claimTrouble, latest } from './workloads/claim-trouble.ts';
import {
  containersOf,
  containerTrouble,
  lastEndOf,
  waitsForVolume,
  whyUnscheduled,
} from './workloads/pod-trouble.ts';

/** What the host knows of a tenant; null for what it did not let us see. */
export interface Findings {
  hostName: string;
  /** Pods of the control plane and of its DNS. */
  pods: readonly Json[] | null;
  claims: readonly Json[] | null;
  /** Warnings in the namespace, and all that is told of claims. */
  events: readonly Json[] | null;
  /** Those that the pods were given to, as far as they are there. */
  nodes: readonly Json[] | null;
}

/**
 * Why a tenant is not ready, a sentence each; empty when nothing is wrong. `Unknown` stands for what the host would not
 * tell: it is never taken for a failure.
 */
export function conditionsOf(findings: Findings): ConditionInput[] {
  const { claims, events, nodes, hostName } = findings;
  const pods = findings.pods && inTheirPlace(findings.pods);
  const hidden = Object.entries({ pods, volumes: claims, events, nodes })
    .filter(([, list]) => list === null)
    .map(([what]) => what);
  const pending = (claims ?? []).filter((claim) => textOf(fieldOf(claim, 'status', 'phase')) === 'Pending');
  const lacksVolume = (pod: Json): boolean => pending.length > 0 && waitsForVolume(pod);
  const isWaitedFor = (pods ?? []).some(lacksVolume);
  const found: ConditionInput[] = [
    // More nodes would not help a pod that waits for its volume: what is told is what the volume waits for.
    ...(pods ?? []).flatMap((pod) => (lacksVolume(pod) ? [] : podConditions(pod, { hostName, nodes }))),
    ...pending.flatMap((claim) => claimConditions(claim, { events: events ?? [], isWaitedFor })),
    ...quotaConditions(events ?? [], pods ?? []),
    ...(hidden.length > 0
      ? [
          {
            type: 'HostVisible',
            status: 'Unknown' as const,
            reason: 'Forbidden',
            message: `The host cluster ${hostName} does not let us see the ${hidden.join(' and ')} of this workspace.`,
          },
        ]
      : []),
  ];
  // One of a kind is kept, and the control plane comes first: without it the DNS does not matter.
  return found.filter(({ type }, index) => found.findIndex((other) => other.type === type) === index);
}

/** Without those that ended and that another one stands in for: a Deployment leaves them where they are. */
export function inTheirPlace(pods: readonly Json[]): Json[] {
  const ended = (pod: Json) => ['Failed', 'Succeeded'].includes(textOf(fieldOf(pod, 'status', 'phase')));
  return pods.filter(
    (pod) => !ended(pod) || !pods.some((other) => !ended(other) && isDns(other) === isDns(pod)),
  );
}

function podConditions(
  pod: Json,
  { hostName, nodes }: Pick<Findings, 'hostName' | 'nodes'>,
): ConditionInput[] {
  const unscheduled = whyUnscheduled(pod);
  if (unscheduled !== null) {
    const sentence = `No node of the host cluster ${hostName} can take ${nounOf(pod)}`;
    return [failed('Scheduled', 'Unschedulable', { sentence, said: unscheduled })];
  }
  // What a silent node last said of its containers is old.
  const lost = nodes === null ? null : nodeGone(pod, nodes);
  if (lost) return [lost];
  const evicted = textOf(fieldOf(pod, 'status', 'reason')) === 'Evicted' ? [evictedFrom(pod)] : [];
  return [...evicted, ...containersOf(pod).flatMap((container) => containerConditions(container, pod))];
}

function evictedFrom(pod: Json): ConditionInput {
  return failed('Running', 'Evicted', {
    sentence: `The node put ${nounOf(pod)} out`,
    said: textOf(fieldOf(pod, 'status', 'message')),
  });
}

/** Nobody writes into a pod that its node is silent: only the node tells. */
function nodeGone(pod: Json, nodes: readonly Json[]): ConditionInput | null {
  const name = textOf(fieldOf(pod, 'spec', 'nodeName'));
  if (name === '') return null;
  const node = nodes.find((one) => metaOf(one).name === name);
  const ready = listOf(fieldOf(node, 'status', 'conditions')).find(({ type }) => type === 'Ready');
  if (ready?.['status'] === 'True') return null;
  const what = node ? 'does not answer' : 'is gone';
  return failed('Running', 'NodeGone', {
    sentence: `The node ${name} that ran ${nounOf(pod)} ${what}`,
    said: textOf(ready?.['message']),
  });
}

function containerConditions(container: Json, pod: Json): ConditionInput[] {
  const waiting = fieldOf(container, 'state', 'waiting');
  const reason = textOf(fieldOf(waiting, 'reason'));
  const said = textOf(fieldOf(waiting, 'message'));
  const image = textOf(container['image']);
  const ended = lastEndOf(container);
  const noun = nounOf(pod);
  const trouble = containerTrouble(container);
  if (trouble === 'image') {
    return [
      failed('ImagesPulled', reason, { sentence: `The image ${image} for ${noun} cannot be had`, said }),
    ];
  }
  if (trouble === 'memory') {
    const sentence = `${capital(noun)} needed more memory than it may have and was stopped; a larger plan gives it more`;
    return [failed('Running', 'OutOfMemory', { sentence, said: '' })];
  }
  if (trouble === 'crash') {
    const code = numberOf(fieldOf(ended, 'exitCode'));
    const times = numberOf(container['restartCount']);
    const sentence = `${capital(noun)} ends again and again (${times} times, last with exit code ${code})`;
    return [failed('Running', reason, { sentence, said: lastLine(textOf(fieldOf(ended, 'message'))) })];
  }
  if (trouble === 'creation') {
    return [failed('Running', reason, { sentence: `The container of ${noun} cannot be made`, said })];
  }
  return [];
}

function claimConditions(
  claim: Json,
  known: { events: readonly Json[]; isWaitedFor: boolean },
): ConditionInput[] {
  const said = claimTrouble(claim, known);
  if (said === null) return [];
  const { name } = metaOf(claim);
  const className = textOf(fieldOf(claim, 'spec', 'storageClassName'));
  const sentence =
    className === ''
      ? `The volume ${name} waits: the host cluster has no default storage class`
      : `The volume ${name} of storage class ${className} has not been made yet`;
  return [failed('VolumesBound', 'VolumePending', { sentence, said })];
}

/** Nobody makes a pod that the quota does not allow; only an event tells. */
function quotaConditions(events: readonly Json[], pods: readonly Json[]): ConditionInput[] {
  // A name server runs on without it.
  if (!pods.every(isDns)) return [];
  const refused = latest(events.filter(({ reason }) => reason === 'FailedCreate'));
  if (!refused) return [];
  const said = textOf(refused['message']);
  if (/exceeded quota|failed quota/.test(said)) {
    return [
      failed('WithinQuota', 'QuotaExhausted', {
        sentence: 'The quota leaves no room for the control plane',
        said,
      }),
    ];
  }
  return [
    failed('Running', 'Refused', { sentence: 'The host cluster refuses to make the control plane', said }),
  ];
}

function failed(
  type: string,
  reason: string,
  { sentence, said }: { sentence: string; said: string },
): ConditionInput {
  const message = sentences(said === '' ? sentence : `${sentence}: ${said}`);
  return { type, status: 'False', reason, message };
}

function nounOf(pod: Json): string {
  return isDns(pod) ? 'the workspace’s DNS' : 'the control plane';
}

function isDns(pod: Json): boolean {
  return metaOf(pod).labels['k8s-app'] === 'vcluster-kube-dns';
}

function capital(text: string): string {
  return text.charAt(0).toUpperCase() + text.slice(1);
}

function lastLine(text: string): string {
  return text.trim().split('\n').at(-1) ?? '';
}
