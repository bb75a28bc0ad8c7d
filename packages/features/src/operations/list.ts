import type { longOperation } from '@hexabase/contract/long-operation.ts';
import { resolveOrganization } from '../run/resolve.ts';
import type { UseCase } from '../run/use-case.ts';
import { listOperationRows } from './store.ts';

export const listOperations: UseCase<typeof longOperation.operations.list> = async (
  { tx, actor },
  { query },
) => {
  const organizationIds =
    query.organization === undefined
      ? actor.memberships.map((membership) => membership.organizationId)
      : [await resolveOrganization(tx, actor, query.organization)];
  return listOperationRows(tx, { ...query, organizationIds });
};
