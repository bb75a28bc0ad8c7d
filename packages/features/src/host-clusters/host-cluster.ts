import { AppError } from '@hexabase/kernel/errors.ts';
import { newId } from '@hexabase/kernel/id.ts';
import type { Tx } from '@hexabase/postgres/database.ts';
import type { HostAccess } from '../run/ports.ts';
import {
  changeHostRow,
  countPoolMembers,
  deleteHostRow,
  findHostRow,
  holdPlacement,
  insertHostRow,
  remainingWorkspaces,
  writeCredentials,
  type HostClusterChange,
  type HostClusterRow,
  type NewHostCluster,
} from './store.ts';

/** Text of a kubeconfig and which of its contexts; null for the cluster that the control plane runs in. */
export interface Credentials {
  kubeconfig: string;
  context: string | undefined;
}

export interface AddHost {
  /** Without what follows from the credentials. */
  row: Omit<NewHostCluster, 'id' | 'server' | 'in_cluster' | 'created_at'>;
  credentials: Credentials | null;
  access: HostAccess;
  nowMs: number;
}

/**
 * Adds a host cluster; its credentials are encrypted for this row alone.
 * Throws `already_exists`, and `validation_failed` for a kubeconfig that is not taken.
 */
export async function addHost(tx: Tx, { row, credentials, access, nowMs }: AddHost): Promise<HostClusterRow> {
  const id = newId<'HostCluster'>(nowMs);
  const sealed = credentials && access.seal(id, credentials);
  const inserted = await insertHostRow(tx, {
    ...row,
    id,
    in_cluster: credentials === null,
    server: sealed?.server ?? null,
    created_at: new Date(nowMs),
  });
  if (!inserted)
    throw new AppError('already_exists', { message: `There is already a host cluster ${row.name}.` });
  if (sealed) await writeCredentials(tx, id, sealed.sealed);
  return inserted;
}

export interface ChangeHost {
  change: HostClusterChange;
  /** Null leaves them as they are. */
  credentials: Credentials | null;
  access: HostAccess;
}

/** Throws `validation_failed` for a kubeconfig that is not taken or for one where the control plane's own is used. */
export async function changeHost(
  tx: Tx,
  row: HostClusterRow,
  { change, credentials, access }: ChangeHost,
): Promise<HostClusterRow> {
  if (!credentials) return changeHostRow(tx, row, change);
  if (row.in_cluster) {
    throw new AppError('validation_failed', {
      details: {
        fields: [{ path: 'kubeconfig', message: 'the control plane runs in this cluster and needs none' }],
      },
    });
  }
  const { sealed, server } = access.seal(row.id, credentials);
  await writeCredentials(tx, row.id, sealed);
  return changeHostRow(tx, row, { ...change, server });
}

/** Throws `host_cluster_not_empty` while workspaces live there: their clusters would be beyond reach. */
export async function removeHost(tx: Tx, row: HostClusterRow): Promise<void> {
  await holdPlacement(tx);
  const remaining = await remainingWorkspaces(tx, row.id, 500);
  if (remaining.length > 0) {
    const count = `${remaining.length} workspace${remaining.length === 1 ? ' lives' : 's live'}`;
    throw new AppError('host_cluster_not_empty', {
      message: `${count} on ${row.name}. Drain it, and delete or move them first.`,
      details: { workspaces: remaining.map(({ id, phase }) => ({ id, phase })) },
    });
  }
  const advance = await countPoolMembers(tx, row.id);
  if (advance > 0) {
    const way = row.state === 'active' ? 'Drain it first' : 'They are being removed; try again in a moment';
    throw new AppError('host_cluster_not_empty', {
      message: `${advance} tenant${advance === 1 ? '' : 's'} made in advance ${advance === 1 ? 'is' : 'are'} still on ${row.name}. ${way}.`,
      details: { madeInAdvance: advance },
    });
  }
  await deleteHostRow(tx, row.id);
}

/** By name or id, locked. Throws `not_found`. */
export async function requireHost(tx: Tx, nameOrId: string): Promise<HostClusterRow> {
  const row = await findHostRow(tx, nameOrId, true);
  if (!row) throw new AppError('not_found', { message: `There is no host cluster ${nameOrId}.` });
  return row;
}
