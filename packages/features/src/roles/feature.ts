import type { Feature } from '../run/use-case.ts';
import { roleRoutes } from './routes.ts';

export const roleFeature: Feature = { noun: 'role', bindings: roleRoutes };
