import type { serviceAccount } from '@hexabase/contract/people/service-account.ts';
import type { UseCase } from '../run/use-case.ts';
import { requireServiceAccount } from './find.ts';

export const getServiceAccount: UseCase<typeof serviceAccount.operations.get> = async (
  context,
  { params },
) => ({ data: await requireServiceAccount(context, params.serviceAccount) });
