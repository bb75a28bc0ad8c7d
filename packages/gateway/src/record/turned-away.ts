import type { AccessEntry } from './access-log.ts';

/** Where a request was refused before anything of it was kept. */
export interface TurnedAway {
  organizationId: string;
  workspaceId: string;
  /** Milliseconds since the epoch. */
  atMs: number;
}

/** Requests that could not be recorded one by one, counted by organization. */
export interface TurnedAwayCount {
  add(request: TurnedAway): void;
  /** One entry for each organization that has room for it; those are counted anew from then on. */
  take(hasRoom: (organizationId: string) => boolean): AccessEntry[];
  total(): number;
}

export function countTurnedAway(): TurnedAwayCount {
  const counts = new Map<string, { last: TurnedAway; count: number }>();
  return {
    add(last) {
      counts.set(last.organizationId, { last, count: (counts.get(last.organizationId)?.count ?? 0) + 1 });
    },
    take(hasRoom) {
      const told = [...counts].filter(([organizationId]) => hasRoom(organizationId));
      for (const [organizationId] of told) counts.delete(organizationId);
      return told.map(([, { last, count }]) => refusedEntry(last, count));
    },
    total: () => [...counts.values()].reduce((sum, { count }) => sum + count, 0),
  };
}

function refusedEntry({ organizationId, workspaceId, atMs }: TurnedAway, count: number): AccessEntry {
  return {
    organizationId,
    workspaceId,
    grantId: null,
    actorId: null,
    actorEmail: null,
    action: 'kube:refused',
    target: `workspaces/${workspaceId}`,
    outcome: 'failed',
    requestId: '',
    address: null,
    agent: null,
    atMs,
    details: { status: 503, count },
  };
}
