import type { Feature } from '../run/use-case.ts';
import { projectRoutes } from './routes.ts';

export const projectFeature: Feature = { noun: 'project', bindings: projectRoutes };
