import type { hostCluster } from '@hexabase/contract/platform/host-cluster.ts';
import type { UseCase } from '../run/use-case.ts';
import { requireHost } from './host-cluster.ts';
import { toHostClusterNow } from './representation.ts';
import { askForCheck } from './store.ts';

/** Wakes whoever looks at host clusters; the answer still shows the look before. */
export const checkHostCluster: UseCase<typeof hostCluster.operations.check> = async (
  { tx, nowMs },
  { params },
) => {
  const row = await requireHost(tx, params.id);
  await askForCheck(tx, row.id);
  return { data: await toHostClusterNow(tx, row, nowMs) };
};
