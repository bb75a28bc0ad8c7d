import type { Feature } from '../run/use-case.ts';
import { organizationRoutes } from './routes.ts';

export const organizationFeature: Feature = { noun: 'organization', bindings: organizationRoutes };
