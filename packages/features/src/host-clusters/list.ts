import type { hostCluster } from '@hexabase/contract/platform/host-cluster.ts';
import type { UseCase } from '../run/use-case.ts';
import { toHostClusters } from './representation.ts';
import { listHostRows } from './store.ts';

export const listHostClusters: UseCase<typeof hostCluster.operations.list> = async (
  { tx, nowMs },
  { query },
) => {
  const { rows, total } = await listHostRows(tx, query);
  return { data: await toHostClusters(tx, rows, nowMs), total };
};
