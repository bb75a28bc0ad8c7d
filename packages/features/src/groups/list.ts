import type { group } from '@hexabase/contract/access/group.ts';
import type { UseCase } from '../run/use-case.ts';
import { requireGroup } from './find.ts';
import { listGroupRows } from './store.ts';

export const listGroups: UseCase<typeof group.operations.list> = async (context, { query }) => {
  const { tx, target } = context;
  const parentId = query.parent === undefined ? undefined : (await requireGroup(context, query.parent)).id;
  return listGroupRows(tx, { organizationId: target.organizationId, parentId }, query);
};
