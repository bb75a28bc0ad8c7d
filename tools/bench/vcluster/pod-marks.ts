import { setTimeout as sleep } from 'node:timers/promises';
import { fieldOf, listOf, textOf, type Json } from '@hexabase/cluster/drivers/vcluster/host/objects.ts';
import { readOne } from '@hexabase/cluster/drivers/vcluster/host/read.ts';
import type { KubeClient } from '@hexabase/cluster/kube-api/client.ts';
import { percentile } from '../../../tests/load/kubernetes/figures.ts';
import { short } from '../../../tests/load/product/report.ts';

/** When things were first seen, in milliseconds from the request. */
export type PodMarks = Partial<Record<Mark, number>>;

const marks = {
  made: 'the pod is there',
  scheduled: 'scheduled with its volume',
  initialized: 'Kubernetes copied by its init container',
  started: 'control plane started',
  ready: 'its probe passes',
  active: 'trust and access are set up in the tenant',
} as const;

type Mark = keyof typeof marks;

export interface FollowedPod extends AsyncDisposable {
  /** What was seen until now. */
  marks(): Promise<PodMarks>;
}

const lookMs = 50;

/** Looks at the pod of a control plane until it is ready. */
export function followPod(
  host: KubeClient,
  { namespace, release, begun }: { namespace: string; release: string; begun: number },
): FollowedPod {
  const seen: PodMarks = {};
  const stopped = new AbortController();
  const wanted = { apiVersion: 'v1', kind: 'Pod', namespace, name: `${release}-0` };
  const look = async (): Promise<void> => {
    const pod = await readOne(host, wanted, AbortSignal.timeout(5_000)).catch(() => null);
    const now = performance.now() - begun;
    for (const mark of pod ? reached(pod) : []) seen[mark] ??= now;
  };
  const looking = (async () => {
    while (!stopped.signal.aborted && seen.ready === undefined) {
      await look();
      await sleep(lookMs);
    }
  })();
  return {
    async marks() {
      await look();
      return { ...seen };
    },
    async [Symbol.asyncDispose]() {
      stopped.abort();
      await looking;
    },
  };
}

function reached(pod: Json): Mark[] {
  const isTrue = (wanted: string): boolean =>
    listOf(fieldOf(pod, 'status', 'conditions')).some(
      ({ type, status }) => textOf(type) === wanted && textOf(status) === 'True',
    );
  const running = listOf(fieldOf(pod, 'status', 'containerStatuses')).some(
    (container) => fieldOf(container, 'state', 'running') !== undefined,
  );
  return [
    'made',
    ...(isTrue('PodScheduled') ? (['scheduled'] as const) : []),
    ...(isTrue('Initialized') ? (['initialized'] as const) : []),
    ...(running ? (['started'] as const) : []),
    ...(isTrue('Ready') ? (['ready'] as const) : []),
  ];
}

/** The medians in the order of events: `after 0.4 s the pod is there; after 1.2 s …`. */
export function inWords(starts: readonly { answeredMs: number; marks: PodMarks }[]): string {
  const at = (values: readonly number[]): string => `after ${short(percentile(values, 0.5) / 1000)} s`;
  const events = Object.entries(marks).flatMap(([mark, words]) => {
    const values = starts.flatMap((start) =>
      Object.entries(start.marks).flatMap(([name, ms]) => (name === mark ? [ms] : [])),
    );
    return values.length === 0 ? [] : [`${at(values)} ${words}`];
  });
  const answered = starts.map(({ answeredMs }) => answeredMs);
  return [...events, `${at(answered)} kubectl is answered`].join('; ');
}
