import type { Feature } from '../run/use-case.ts';
import { invitationRoutes } from './routes.ts';

export const invitationFeature: Feature = { noun: 'invitation', bindings: invitationRoutes };
