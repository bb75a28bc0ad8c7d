import type { Feature } from '../run/use-case.ts';
import { outboxRoutes } from './routes.ts';

export const outboxFeature: Feature = { noun: 'outbox', bindings: outboxRoutes };
