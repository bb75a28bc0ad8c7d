import type { federation } from '@hexabase/contract/people/federation.ts';
import type { UseCase } from '../run/use-case.ts';
import { listFederationRows } from './store.ts';

export const listFederations: UseCase<typeof federation.operations.list> = ({ tx, target }, { query }) =>
  listFederationRows(tx, target.organizationId, query);
