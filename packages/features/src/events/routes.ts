import { event } from '@hexabase/contract/event.ts';
import { bind } from '../run/use-case.ts';
import { listEvents } from './list.ts';

export const eventRoutes = [bind(event.operations.list, listEvents)];
