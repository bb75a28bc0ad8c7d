import type { GroupResource } from '../../types.ts';
import type { ChangeType, LogRow, PersistedCluster, PersistedObject } from '../persistence.ts';

/** As `pg` gives them: bigint comes as text. */
export interface ClusterRow {
  uid: string;
  config: unknown;
  epoch: string;
  rev: string;
  compact_rev: string;
}

export type ObjectColumns = [
  resource: string,
  namespace: string,
  name: string,
  rev: string,
  value: string | null,
];
export type LogColumns = [
  resource: string,
  namespace: string,
  name: string,
  rev: string,
  type: ChangeType,
  previous: string | null,
  writtenAtMs: number,
];

export function parseCluster(
  cluster: ClusterRow,
  objects: readonly ObjectColumns[],
  log: readonly LogColumns[],
): PersistedCluster {
  const resourceOf = createResourceParser();
  return {
    uid: cluster.uid,
    config: cluster.config,
    epoch: Number(cluster.epoch),
    revision: Number(cluster.rev),
    compactRevision: Number(cluster.compact_rev),
    objects: objects.map(([resource, namespace, name, rev, text]): PersistedObject => ({
      key: { resource: resourceOf(resource), namespace, name },
      revision: Number(rev),
      text,
    })),
    log: log.map(([resource, namespace, name, rev, type, previous, writtenAtMs]): LogRow => ({
      key: { resource: resourceOf(resource), namespace, name },
      revision: Number(rev),
      type,
      previous,
      writtenAtMs,
    })),
  };
}

/** Checks each text once, and gives all rows of a kind the same string. */
function createResourceParser(): (text: string) => GroupResource {
  const known = new Map<string, GroupResource>();
  return (text) => {
    const found = known.get(text);
    if (found !== undefined) return found;
    if (!isGroupResource(text)) throw new Error('A row of the store names no resource.');
    known.set(text, text);
    return text;
  };
}

const isGroupResource = (text: string): text is GroupResource => text.includes('/');
