import type { Feature } from '../run/use-case.ts';
import { planRoutes } from './routes.ts';

export const planFeature: Feature = { noun: 'plan', bindings: planRoutes };
