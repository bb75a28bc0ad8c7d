import type { federation } from '@hexabase/contract/people/federation.ts';
import type { UseCase } from '../run/use-case.ts';
import { listFederationRows } from './store.ts';

export const listFederations: UseCase<typeof federation.operations.list> = async ({ tx, target }) => ({
  data: await listFederationRows(tx, target.organizationId),
});
