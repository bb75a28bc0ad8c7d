import type { event } from '@hexabase/contract/event.ts';
import type { UseCase } from '../run/use-case.ts';
import { listAuditRows } from './store.ts';

export const listEvents: UseCase<typeof event.operations.list> = ({ tx, target }, { query }) =>
  listAuditRows(tx, target.organizationId, query);
