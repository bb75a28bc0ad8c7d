import type { plan } from '@hexabase/contract/platform/plan.ts';
import type { UseCase } from '../run/use-case.ts';
import { listPlanRows } from './store.ts';

export const listPlans: UseCase<typeof plan.operations.list> = ({ tx }, { query }) => listPlanRows(tx, query);
