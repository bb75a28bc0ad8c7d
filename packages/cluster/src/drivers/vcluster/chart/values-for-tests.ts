import { usualMetricsService } from '../host/metrics-service.ts';
import { defaultImages } from '../options.ts';
import type { ValuesInput } from './values.ts';

/** A small workspace on shared nodes, for tests. */
export const smallShared: Omit<ValuesInput, 'names' | 'workspaceId'> = {
  isolation: 'shared',
  tier: 'small',
  kubernetesVersion: 'v1.34.4',
  images: defaultImages,
  storage: { className: null, sizeGib: 5 },
  serviceCidr: '10.96.0.0/16',
  metrics: usualMetricsService,
};
