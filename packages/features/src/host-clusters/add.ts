import type { hostCluster } from '@hexabase/contract/platform/host-cluster.ts';
import { AppError } from '@hexabase/kernel/errors.ts';
import type { Input, UseCase } from '../run/use-case.ts';
import { addHost, lookElsewhere, requireChoice, type Credentials } from './host-cluster.ts';
import { toHostClusterNow } from './representation.ts';

type Add = typeof hostCluster.operations.add;

/** Throws `already_exists`, and `validation_failed` for credentials that are not taken. It is looked at right away. */
export const addHostCluster: UseCase<Add> = async (context, { body }) => {
  const { tx, ports, actor, nowMs } = context;
  const row = await addHost(tx, {
    row: {
      name: body.name,
      region: body.region,
      labels: body.labels,
      dedicated_nodes: body.dedicatedNodes,
      max_workspaces: body.maxWorkspaces,
      max_cpu_milli: body.maxCpuMilli,
      max_memory_mib: body.maxMemoryMib,
      created_by: actor.userId,
    },
    credentials: credentialsOf(body),
    access: lookElsewhere(ports.hostAccess, context.elsewhere),
    nowMs,
  });
  context.note({ name: row.name, region: row.region, server: row.server });
  return { data: await toHostClusterNow(tx, row, nowMs) };
};

/** Exactly one of the two ways in. */
function credentialsOf({ kubeconfig, context, inCluster }: Input<Add>['body']): Credentials | null {
  requireChoice({ kubeconfig, context });
  if (inCluster && kubeconfig === undefined) return null;
  if (!inCluster && kubeconfig !== undefined) return { kubeconfig, context };
  const message = inCluster ? 'leave it out for the cluster of the control plane' : 'is missing';
  throw new AppError('validation_failed', { details: { fields: [{ path: 'kubeconfig', message }] } });
}
