import type { Clock } from '@hexabase/kernel/clock.ts';
import { isPod } from '../controllers/shared/pod-state.ts';
import { timestamp } from '../controllers/shared/times.ts';
import type { Container, Pod } from '../objects.ts';
import { amountsOf } from '../scheduler/requests.ts';
import type { ClusterStore } from '../store/store.ts';
import type { KubeObject } from '../types.ts';
import { SIMULATED_ANNOTATION } from './node-object.ts';

interface Measured {
  readonly store: ClusterStore;
  readonly deps: { readonly clock: Clock };
}

const NOTICE = 'These numbers are simulated: they follow from requests and the time, nothing is measured.';
const WINDOW = '30s';
/** A full wave of simulated load, in milliseconds. */
const WAVE_MS = 600_000;

/** `metrics.k8s.io/v1beta1` PodMetrics; undefined while nothing of the pod runs. */
export function podUsage(cluster: Measured, pod: KubeObject): KubeObject | undefined {
  if (!isPod(pod)) return undefined;
  const nowMs = cluster.deps.clock.now();
  const containers = runningContainers(pod).map((container) => {
    const { cpuMilli, memoryKib } = containerUsage(pod, container, nowMs);
    return { name: container.name, usage: { cpu: `${cpuMilli * 1_000_000}n`, memory: `${memoryKib}Ki` } };
  });
  return containers.length === 0 ? undefined : metrics('PodMetrics', pod, { nowMs, fields: { containers } });
}

/** `metrics.k8s.io/v1beta1` NodeMetrics: the pods on the node and a little for itself. */
export function nodeUsage(cluster: Measured, node: KubeObject): KubeObject | undefined {
  const nowMs = cluster.deps.clock.now();
  let [cpuMilli, memoryKib] = [50, 256 * 1024];
  for (const pod of cluster.store.podsOnNode(node.metadata.name).filter(isPod)) {
    for (const container of runningContainers(pod)) {
      const usage = containerUsage(pod, container, nowMs);
      cpuMilli += usage.cpuMilli;
      memoryKib += usage.memoryKib;
    }
  }
  return metrics('NodeMetrics', node, {
    nowMs,
    fields: { usage: { cpu: `${cpuMilli * 1_000_000}n`, memory: `${memoryKib}Ki` } },
  });
}

function runningContainers(pod: Pod): Container[] {
  return pod.spec.containers.filter(
    (container) => pod.status?.containerStatuses?.find(({ name }) => name === container.name)?.state.running,
  );
}

/** Between a third and nine tenths of the request; small fixed amounts stand in for missing requests. */
function containerUsage(
  pod: Pod,
  container: Container,
  nowMs: number,
): { cpuMilli: number; memoryKib: number } {
  const asked = { ...amountsOf(container.resources?.limits), ...amountsOf(container.resources?.requests) };
  const phase = hash(`${pod.metadata.uid}/${container.name}`);
  const wave = Math.sin(2 * Math.PI * (nowMs / WAVE_MS + phase));
  return {
    cpuMilli: Math.max(1, Math.round((asked['cpu'] ?? 20) * (0.45 + 0.15 * phase + 0.2 * wave))),
    memoryKib: Math.max(
      1,
      Math.round(((asked['memory'] ?? 64 * 1024 * 1024) / 1024) * (0.6 + 0.1 * phase + 0.05 * wave)),
    ),
  };
}

function metrics(
  kind: string,
  about: KubeObject,
  { nowMs, fields }: { nowMs: number; fields: Record<string, unknown> },
): KubeObject {
  const { name, namespace, labels } = about.metadata;
  const window = timestamp(Math.floor(nowMs / 15_000) * 15_000);
  return {
    apiVersion: 'metrics.k8s.io/v1beta1',
    kind,
    metadata: {
      name,
      ...(namespace && { namespace }),
      ...(labels && { labels }),
      annotations: { [SIMULATED_ANNOTATION]: NOTICE },
      uid: '',
      resourceVersion: '',
      creationTimestamp: window,
    },
    timestamp: window,
    window: WINDOW,
    ...fields,
  };
}

/** Between 0 and 1, the same for the same text. */
function hash(text: string): number {
  let value = 0x811c9dc5;
  for (let index = 0; index < text.length; index++)
    value = Math.imul(value ^ text.charCodeAt(index), 0x01000193) >>> 0;
  return value / 2 ** 32;
}
