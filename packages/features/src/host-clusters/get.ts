import type { hostCluster } from '@hexabase/contract/platform/host-cluster.ts';
import { AppError } from '@hexabase/kernel/errors.ts';
import type { UseCase } from '../run/use-case.ts';
import { toHostClusterNow } from './representation.ts';
import { findHostRow } from './store.ts';

export const getHostCluster: UseCase<typeof hostCluster.operations.get> = async (
  { tx, nowMs },
  { params },
) => {
  const row = await findHostRow(tx, params.id);
  if (!row) throw new AppError('not_found');
  return { data: await toHostClusterNow(tx, row, nowMs) };
};
