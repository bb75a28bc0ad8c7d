import type { Feature } from '../run/use-case.ts';
import { assignmentRoutes } from './routes.ts';

export const assignmentFeature: Feature = { noun: 'assignment', bindings: assignmentRoutes };
