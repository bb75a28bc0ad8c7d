import type { hostCluster } from '@hexabase/contract/platform/host-cluster.ts';
import type { UseCase } from '../run/use-case.ts';
import { removeHost, requireHost } from './host-cluster.ts';

/** Throws `host_cluster_not_empty`. */
export const removeHostCluster: UseCase<typeof hostCluster.operations.remove> = async (
  context,
  { params },
) => {
  const row = await requireHost(context.tx, params.id);
  await removeHost(context.tx, row);
  context.note({ name: row.name });
  return { data: null };
};
