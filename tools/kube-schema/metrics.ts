import type { ApiResource } from '../../packages/kubernetes/src/schema/discovery-data.ts';

/** What metrics-server serves; upstream's discovery documents do not cover aggregated APIs. */
export const metricsResources: ApiResource[] = [
  { name: 'nodes', singularName: '', namespaced: false, kind: 'NodeMetrics', verbs: ['get', 'list'] },
  { name: 'pods', singularName: '', namespaced: true, kind: 'PodMetrics', verbs: ['get', 'list'] },
];
