import type { Feature } from '../run/use-case.ts';
import { accessRoutes } from './routes.ts';

export const accessFeature: Feature = { noun: 'access', bindings: accessRoutes };
