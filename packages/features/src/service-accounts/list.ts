import type { serviceAccount } from '@hexabase/contract/people/service-account.ts';
import type { UseCase } from '../run/use-case.ts';
import { listServiceAccountRows } from './store.ts';

export const listServiceAccounts: UseCase<typeof serviceAccount.operations.list> = (
  { tx, target },
  { query },
) => listServiceAccountRows(tx, target.organizationId, query);
