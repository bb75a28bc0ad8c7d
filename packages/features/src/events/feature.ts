import type { Feature } from '../run/use-case.ts';
import { eventRoutes } from './routes.ts';

export const eventFeature: Feature = { noun: 'event', bindings: eventRoutes };
