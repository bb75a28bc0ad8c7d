import type { hostCluster } from '@hexabase/contract/platform/host-cluster.ts';
import type { UseCase } from '../run/use-case.ts';
import { changeHost, lookElsewhere, requireChoice, requireHost } from './host-cluster.ts';
import { toHostClusterNow } from './representation.ts';
import type { HostClusterChange } from './store.ts';

/** Throws `not_found`, and `validation_failed` for a kubeconfig that is not taken. */
export const updateHostCluster: UseCase<typeof hostCluster.operations.update> = async (
  context,
  { params, body },
) => {
  const { tx, ports, nowMs } = context;
  const row = await requireHost(tx, params.id);
  const change: HostClusterChange = {
    ...(body.region !== undefined && { region: body.region }),
    ...(body.labels !== undefined && { labels: body.labels }),
    ...(body.dedicatedNodes !== undefined && { dedicated_nodes: body.dedicatedNodes }),
    ...(body.maxWorkspaces !== undefined && { max_workspaces: body.maxWorkspaces }),
    ...(body.maxCpuMilli !== undefined && { max_cpu_milli: body.maxCpuMilli }),
    ...(body.maxMemoryMib !== undefined && { max_memory_mib: body.maxMemoryMib }),
  };
  const { kubeconfig } = body;
  requireChoice(body);
  const credentials = kubeconfig === undefined ? null : { kubeconfig, context: body.context };
  if (!credentials && Object.keys(change).length === 0)
    return { data: await toHostClusterNow(tx, row, nowMs) };
  const access = lookElsewhere(ports.hostAccess, context.elsewhere);
  const changed = await changeHost(tx, row, { change, credentials, access });
  context.note({ name: row.name, ...change, credentialsReplaced: credentials !== null });
  return { data: await toHostClusterNow(tx, changed, nowMs) };
};
