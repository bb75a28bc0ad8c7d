import type { HostCluster } from '@hexabase/contract/platform/host-cluster.ts';
import { findCondition, type Condition } from '@hexabase/kernel/conditions.ts';
import type { Tx } from '@hexabase/postgres/database.ts';
import { placeWorkspace, type HostRoom } from './placement.ts';
import { readHostRoom, remainingWorkspaces, type HostClusterRow } from './store.ts';

/** After so long without a look nobody knows: the last answer is not shown as if it were one of today. */
const staleMs = 5 * 60_000;
const remainingMax = 500;

/** Host clusters as the API shows them. There is no secret in what this reads. */
export async function toHostClusters(
  tx: Tx,
  rows: readonly HostClusterRow[],
  nowMs: number,
): Promise<HostCluster[]> {
  const rooms = await readHostRoom(tx);
  return Promise.all(
    rows.map(async (row) => {
      const remaining = row.state === 'draining' ? await remainingOn(tx, row, rooms) : null;
      return toHostCluster(row, { room: rooms.find((room) => room.id === row.id), remaining, nowMs });
    }),
  );
}

export async function toHostClusterNow(tx: Tx, row: HostClusterRow, nowMs: number): Promise<HostCluster> {
  const [host] = await toHostClusters(tx, [row], nowMs);
  if (!host) throw new Error('one row gives one host cluster');
  return host;
}

interface Around {
  room: HostRoom | undefined;
  remaining: HostCluster['remaining'];
  nowMs: number;
}

function toHostCluster(row: HostClusterRow, { room, remaining, nowMs }: Around): HostCluster {
  const conditions = conditionsOf(row, nowMs);
  const ready = findCondition(conditions, 'Ready')?.status ?? 'Unknown';
  return {
    id: row.id,
    name: row.name,
    region: row.region,
    labels: row.labels,
    state: row.state,
    ready,
    note: noteOf(row, { conditions, remaining }),
    dedicatedNodes: row.dedicated_nodes,
    inCluster: row.in_cluster,
    server: row.server,
    capacity: {
      workspaces: row.max_workspaces,
      cpuMilli: row.max_cpu_milli,
      memoryMib: row.max_memory_mib,
    },
    used: room?.used ?? { workspaces: 0, cpuMilli: 0, memoryMib: 0 },
    observed: row.observed,
    remaining,
    conditions,
    generation: row.generation,
    checkedAt: row.checked_at?.toISOString() ?? null,
    createdAt: row.created_at.toISOString(),
  };
}

function conditionsOf(row: HostClusterRow, nowMs: number): Condition[] {
  if (row.checked_at && nowMs - row.checked_at.getTime() <= staleMs) return row.conditions;
  return row.conditions.map((condition) => ({
    ...condition,
    status: 'Unknown',
    reason: 'NotLookedAt',
    message: `Nobody has looked since ${row.checked_at?.toISOString() ?? 'it was added'}`,
  }));
}

function noteOf(
  row: HostClusterRow,
  { conditions, remaining }: { conditions: Condition[]; remaining: HostCluster['remaining'] },
): string {
  const notes = [
    row.state === 'cordoned' ? 'Cordoned: it gets no new workspaces.' : '',
    remaining ? drainNote(row, remaining) : '',
    trouble(row, conditions),
  ];
  return notes.filter((note) => note !== '').join(' ');
}

function drainNote(row: HostClusterRow, remaining: NonNullable<HostCluster['remaining']>): string {
  const count = remaining.length;
  if (count === 0) return 'Drained: nothing lives here any more; it can be removed.';
  const movable = remaining.filter((workspace) => workspace.roomOn !== null).length;
  const live = `${count}${count === remainingMax ? ' or more' : ''} workspace${count === 1 ? ' lives' : 's live'} here`;
  const room =
    movable === count
      ? `other host clusters of region ${row.region} have room for each of them`
      : `there is no room elsewhere in region ${row.region} for ${count - movable} of them: add a host cluster or delete workspaces`;
  return `Draining: ${live}; none was moved; ${room}.`;
}

function trouble(row: HostClusterRow, conditions: Condition[]): string {
  if (row.checked_at === null) return 'Not looked at yet.';
  const ready = findCondition(conditions, 'Ready');
  return ready?.status === 'True' ? '' : (ready?.message ?? '');
}

/** Each workspace that is still there, and a host cluster of the same region that could take it. */
async function remainingOn(
  tx: Tx,
  row: HostClusterRow,
  rooms: readonly HostRoom[],
): Promise<NonNullable<HostCluster['remaining']>> {
  const hosts = rooms
    .filter((room) => room.id !== row.id && room.region === row.region)
    .map((room) => ({ ...room, used: { ...room.used } }));
  return (await remainingWorkspaces(tx, row.id, remainingMax)).map((workspace) => {
    const size = { cpuMilli: workspace.cpu_milli, memoryMib: workspace.memory_mib };
    const { isolation } = workspace;
    const place = placeWorkspace(
      { region: row.region, isolation, size },
      { hosts, builtInRegion: row.region },
    );
    const room = place.kind === 'host' ? place.host : null;
    if (room) {
      room.used.workspaces += 1;
      room.used.cpuMilli += size.cpuMilli;
      room.used.memoryMib += size.memoryMib;
    }
    const { id, plan, phase } = workspace;
    return { workspaceId: id, isolation, plan, phase, roomOn: room?.name ?? null };
  });
}
