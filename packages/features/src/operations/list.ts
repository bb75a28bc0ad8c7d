import type { longOperation } from '@hexabase/contract/long-operation.ts';
import { organizationsWith } from '../run/resolve.ts';
import type { UseCase } from '../run/use-case.ts';
import { listOperationRows } from './store.ts';

export const listOperations: UseCase<typeof longOperation.operations.list> = async (
  { tx, actor },
  { query },
) => {
  const asked = { actor, action: 'operation:read', named: query.organization } as const;
  const organizationIds = await organizationsWith(tx, asked);
  return listOperationRows(tx, { ...query, organizationIds });
};
