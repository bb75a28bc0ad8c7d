import type { Feature } from '../run/use-case.ts';
import { auditRoutes } from './routes.ts';

export const auditFeature: Feature = { noun: 'audit', bindings: auditRoutes };
