import type { serviceAccount } from '@hexabase/contract/people/service-account.ts';
import { requireMember, requireRank, takeMembership } from '../members/public.ts';
import type { UseCase } from '../run/use-case.ts';
import { requireServiceAccount } from './find.ts';
import { deleteServiceAccountRow } from './store.ts';

/** Its tokens, groups and roles go with it; a later one of the same name is another user. */
export const deleteServiceAccount: UseCase<typeof serviceAccount.operations.delete> = async (
  context,
  { params },
) => {
  const found = await requireServiceAccount(context, params.serviceAccount);
  requireRank(context.role, found.role);
  await takeMembership(context, await requireMember(context, found.id));
  await deleteServiceAccountRow(context.tx, found.id);
  return { data: null };
};
