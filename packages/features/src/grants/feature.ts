import type { Feature } from '../run/use-case.ts';
import { grantRoutes } from './routes.ts';

export const grantFeature: Feature = { noun: 'grant', bindings: grantRoutes };
