import type { Feature } from '../run/use-case.ts';
import { operationRoutes } from './routes.ts';

export const operationFeature: Feature = { noun: 'operation', bindings: operationRoutes };
