import type { Feature } from '../run/use-case.ts';
import { workspaceRoutes } from './routes.ts';

export const workspaceFeature: Feature = { noun: 'workspace', bindings: workspaceRoutes };
