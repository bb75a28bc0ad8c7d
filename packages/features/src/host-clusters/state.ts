import type { hostCluster, HostCluster, HostClusterState } from '@hexabase/contract/platform/host-cluster.ts';
import type { Context, UseCase } from '../run/use-case.ts';
import { requireHost } from './host-cluster.ts';
import { toHostClusterNow } from './representation.ts';
import { changeHostRow } from './store.ts';

type Operations = typeof hostCluster.operations;

export const cordonHostCluster: UseCase<Operations['cordon']> = (context, { params }) =>
  changeTo('cordoned', context, params.id);

export const uncordonHostCluster: UseCase<Operations['uncordon']> = (context, { params }) =>
  changeTo('active', context, params.id);

/** The answer names the workspaces that remain; none is moved. */
export const drainHostCluster: UseCase<Operations['drain']> = (context, { params }) =>
  changeTo('draining', context, params.id);

async function changeTo(
  state: HostClusterState,
  context: Context,
  nameOrId: string,
): Promise<{ data: HostCluster }> {
  const { tx, nowMs } = context;
  const row = await requireHost(tx, nameOrId);
  context.note({ name: row.name, before: row.state, after: state });
  const changed = row.state === state ? row : await changeHostRow(tx, row, { state });
  return { data: await toHostClusterNow(tx, changed, nowMs) };
}
