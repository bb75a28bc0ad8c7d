import type { Pod } from '../../objects.ts';
import { findCondition } from '../shared/conditions.ts';
import { isReady, maxRestarts } from '../shared/pod-state.ts';
import { parseTime } from '../shared/times.ts';

const PHASE_ORDER: Record<string, number> = { Pending: 0, Unknown: 1, Running: 2 };

/**
 * Orders pods by how little is lost when they are deleted, first to go first: unassigned, pending, not ready, cheap
 * (`controller.kubernetes.io/pod-deletion-cost`), on crowded nodes, ready for a shorter time, restarted more often,
 * younger. (Upstream: controller.ActivePodsWithRanks.) `related` are the pods whose crowding counts.
 */
export function rankForDeletion(pods: readonly Pod[], related: readonly Pod[]): Pod[] {
  const crowding = new Map<string, number>();
  for (const { spec } of related) {
    if (spec.nodeName) crowding.set(spec.nodeName, (crowding.get(spec.nodeName) ?? 0) + 1);
  }
  return [...pods].sort((left, right) => {
    const [a, b] = [sortKey(left, crowding), sortKey(right, crowding)];
    for (let index = 0; index < a.length; index++) {
      const difference = (a[index] ?? 0) - (b[index] ?? 0);
      if (difference !== 0) return difference;
    }
    return 0;
  });
}

function sortKey(pod: Pod, crowding: ReadonlyMap<string, number>): number[] {
  const ready = isReady(pod);
  const cost = Number.parseInt(
    pod.metadata.annotations?.['controller.kubernetes.io/pod-deletion-cost'] ?? '0',
    10,
  );
  const readySince = ready
    ? parseTime(findCondition(pod.status?.conditions, 'Ready')?.lastTransitionTime)
    : 0;
  return [
    pod.spec.nodeName ? 1 : 0,
    PHASE_ORDER[pod.status?.phase ?? 'Pending'] ?? 0,
    ready ? 1 : 0,
    Number.isNaN(cost) ? 0 : cost,
    -(crowding.get(pod.spec.nodeName ?? '') ?? 0),
    -(Number.isNaN(readySince) ? 0 : readySince),
    -maxRestarts(pod),
    -Date.parse(pod.metadata.creationTimestamp),
  ];
}
