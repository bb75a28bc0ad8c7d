import type { Feature } from '../run/use-case.ts';
import { groupRoutes } from './routes.ts';

export const groupFeature: Feature = { noun: 'group', bindings: groupRoutes };
