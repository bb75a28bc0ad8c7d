import type { Feature } from '../run/use-case.ts';
import { memberRoutes } from './routes.ts';

export const memberFeature: Feature = { noun: 'member', bindings: memberRoutes };
