import type { Feature } from '../run/use-case.ts';
import { hostClusterRoutes } from './routes.ts';

export const hostClusterFeature: Feature = { noun: 'host-cluster', bindings: hostClusterRoutes };
