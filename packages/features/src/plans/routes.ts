import { plan } from '@hexabase/contract/platform/plan.ts';
import { bind } from '../run/use-case.ts';
import { listPlans } from './list.ts';

export const planRoutes = [bind(plan.operations.list, listPlans)];
