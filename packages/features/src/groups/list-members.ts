import type { group } from '@hexabase/contract/access/group.ts';
import type { UseCase } from '../run/use-case.ts';
import { requireGroup } from './find.ts';
import { listGroupMemberRows } from './store.ts';

export const listGroupMembers: UseCase<typeof group.operations.listMembers> = async (
  context,
  { params, query },
) => listGroupMemberRows(context.tx, (await requireGroup(context, params.group)).id, query);
