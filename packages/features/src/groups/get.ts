import type { group } from '@hexabase/contract/access/group.ts';
import type { UseCase } from '../run/use-case.ts';
import { requireGroup } from './find.ts';

export const getGroup: UseCase<typeof group.operations.get> = async (context, { params }) => ({
  data: await requireGroup(context, params.group),
});
