import { AppError } from '@hexabase/kernel/errors.ts';
import { newId } from '@hexabase/kernel/id.ts';
import type { Tx } from '@hexabase/postgres/database.ts';
import type { HostAccess } from '../run/ports.ts';
import { createElsewhere, type Elsewhere } from '../run/turns/elsewhere.ts';
import {
  changeHostRow,
  countPoolMembers,
  deleteHostRow,
  findHostRow,
  hostOfCluster,
  holdPlacement,
  holdReferences,
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

/** Throws `validation_failed` for a context without a kubeconfig: whoever gives one means to replace credentials. */
export function requireChoice({
  kubeconfig,
  context,
}: {
  kubeconfig?: string | undefined;
  context?: string | undefined;
}): void {
  if (context === undefined || kubeconfig !== undefined) return;
  const message = 'chooses in a kubeconfig: give that too';
  throw new AppError('validation_failed', { details: { fields: [{ path: 'context', message }] } });
}

/**
 * The same access, which looks at a host outside of the transaction (`Elsewhere.ask`): a host that answers slowly keeps
 * nobody else waiting for its row, and no connection.
 */
export function lookElsewhere(access: HostAccess, ask: Elsewhere['ask']): HostAccess {
  return {
    seal: (hostClusterId, credentials) => access.seal(hostClusterId, credentials),
    identify: (credentials) => ask('identify', () => access.identify(credentials)),
  };
}

/** For programs, which have no request: `transaction` is run once more when a host was asked meanwhile. */
export function withHostAccess<T>(
  access: HostAccess,
  transaction: (access: HostAccess) => Promise<T>,
): Promise<T> {
  const elsewhere = createElsewhere();
  return elsewhere.run(() => transaction(lookElsewhere(access, elsewhere.ask)));
}

export interface AddHost {
  /** Without what follows from the credentials. */
  row: Omit<NewHostCluster, 'id' | 'server' | 'in_cluster' | 'created_at'>;
  credentials: Credentials | null;
  access: HostAccess;
  nowMs: number;
}

/** A host cluster without bounds, labels or nodes for single workspaces, which nobody of the API has added. */
export const plainHost = {
  labels: {},
  dedicated_nodes: false,
  max_workspaces: null,
  max_cpu_milli: null,
  max_memory_mib: null,
  created_by: null,
} as const;

/**
 * Adds a host cluster; its credentials are encrypted for this row alone.
 * Throws `already_exists`, also for a cluster that is added under another name, and `validation_failed` for a kubeconfig that
 * is not taken. A cluster that does not answer now is taken, and known when it first answers.
 */
export async function addHost(tx: Tx, { row, credentials, access, nowMs }: AddHost): Promise<HostClusterRow> {
  const id = newId<'HostCluster'>(nowMs);
  const sealed = credentials && access.seal(id, credentials);
  const seen = credentials && (await access.identify(credentials));
  await refuseSame(tx, seen, id);
  const inserted = await insertHostRow(tx, {
    ...row,
    id,
    cluster_uid: seen,
    in_cluster: credentials === null,
    server: sealed?.server ?? null,
    created_at: new Date(nowMs),
  });
  // Another request was faster.
  if (!inserted) await refuseSame(tx, seen, id);
  if (!inserted)
    throw new AppError('already_exists', { message: `There is already a host cluster ${row.name}.` });
  if (sealed) await writeCredentials(tx, id, sealed.sealed);
  return inserted;
}

export interface ChangeHost {
  change: HostClusterChange;
  /** Null leaves them as they are. */
  credentials: Credentials | null;
  /** Another cluster takes its place on purpose: workspaces that are not there tell that they are lost. */
  anotherCluster?: boolean;
  access: HostAccess;
}

/**
 * Throws `validation_failed` for a kubeconfig that is not taken, for one where the control plane's own is used, and for one
 * that leads to another cluster. A cluster that does not answer now is taken, and known when it is used.
 */
export async function changeHost(tx: Tx, row: HostClusterRow, asked: ChangeHost): Promise<HostClusterRow> {
  const { change, credentials, anotherCluster = false, access } = asked;
  if (credentials && row.in_cluster) throw refused('the control plane runs in this cluster and needs none');
  if (anotherCluster) {
    if (!credentials && !row.in_cluster) throw refused('is needed to know which cluster takes the place');
    const seen = await access.identify(credentials);
    if (seen === null) throw refused('the cluster that takes the place does not answer now');
    await refuseSame(tx, seen, row.id);
    return writeHost(tx, row, { ...asked, change: { ...change, cluster_uid: seen } });
  }
  if (credentials && row.cluster_uid !== null) {
    const seen = await access.identify(credentials);
    if (seen !== null && seen !== row.cluster_uid) {
      throw refused(
        `leads to another cluster than the one that ${row.name} was added with, and its workspaces are not there: kube-system has the uid ${seen}, not ${row.cluster_uid}. Nothing was changed`,
      );
    }
  }
  return writeHost(tx, row, asked);
}

/** Two hosts that are one cluster would each count its room, and put their policies over each other's. */
async function refuseSame(tx: Tx, seen: string | null, id: string): Promise<void> {
  const name = await hostOfCluster(tx, seen, id);
  if (name === null) return;
  throw new AppError('already_exists', {
    message: `This cluster is the host cluster ${name} already: kube-system has the uid ${seen}. Nothing was changed.`,
    details: { hostCluster: name },
  });
}

async function writeHost(
  tx: Tx,
  row: HostClusterRow,
  { change, credentials, access }: ChangeHost,
): Promise<HostClusterRow> {
  if (!credentials) return changeHostRow(tx, row, change);
  const { sealed, server } = access.seal(row.id, credentials);
  await writeCredentials(tx, row.id, sealed);
  return changeHostRow(tx, row, { ...change, server });
}

function refused(message: string): AppError {
  return new AppError('validation_failed', {
    message: `The kubeconfig ${message}.`,
    details: { fields: [{ path: 'kubeconfig', message }] },
  });
}

/** Throws `host_cluster_not_empty` while workspaces live there: their clusters would be beyond reach. */
export async function removeHost(tx: Tx, row: HostClusterRow): Promise<void> {
  await holdPlacement(tx);
  await holdReferences(tx, row.id);
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
