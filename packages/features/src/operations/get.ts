import type { longOperation } from '@hexabase/contract/long-operation.ts';
import { AppError } from '@hexabase/kernel/errors.ts';
import type { UseCase } from '../run/use-case.ts';
import { getOperationRow } from './store.ts';

export const getOperation: UseCase<typeof longOperation.operations.get> = async ({ tx, target }) => {
  const data = await getOperationRow(tx, target.id);
  if (!data) throw new AppError('not_found');
  return { data };
};
