import { setImmediate as nextTurn } from 'node:timers/promises';
import { createChangeRing, type Change, type ChangeRing, type RingLimits } from './memory/change-ring.ts';
import type { BaseIndex } from './memory/base-index.ts';
import { objectId } from './memory/entry.ts';
import { createObjectIndex, type ObjectIndex } from './memory/object-index.ts';
import { parseObject, withRevision, type ParsedCache } from './memory/parsed-cache.ts';
import type { LogRow, PersistedCluster } from './persistence.ts';
import type { ObjectKey } from './store.ts';

/** What a cluster has in memory: replaced as a whole when it must be read again. */
export interface ClusterState {
  epoch: number;
  revision: number;
  index: ObjectIndex;
  ring: ChangeRing;
}

export interface StateOptions {
  base: BaseIndex;
  parsed: ParsedCache;
  ring: RingLimits;
}

const objectsPerTurn = 500;

/** Builds the memory of a cluster from its rows, letting other work run in between when there are many. */
export async function buildState(
  rows: PersistedCluster,
  { base, parsed, ring: limits }: StateOptions,
): Promise<ClusterState> {
  const index = createObjectIndex(base, parsed);
  for (const [at, { key, revision, text }] of rows.objects.entries()) {
    if (text === null) index.remove(key.resource, objectId(key.namespace, key.name));
    else index.put({ key, revision, text, object: parseObject(text) });
    if (at % objectsPerTurn === objectsPerTurn - 1) await nextTurn();
  }
  const oldest = rows.log[0];
  const ring = createChangeRing(oldest === undefined ? rows.revision : oldest.revision - 1, limits);
  for (const change of redo(rows.log, index)) ring.append(change);
  return { epoch: rows.epoch, revision: rows.revision, index, ring };
}

/** Turns undo records into changes: the state after a change is the state before the next one to the same key. */
function redo(log: readonly LogRow[], index: ObjectIndex): Change[] {
  const after = new Map<string, string | undefined>();
  const changes: Change[] = [];
  for (const row of log.toReversed()) {
    const id = keyText(row.key);
    const previousText = row.previous ?? undefined;
    const text =
      row.type === 'DELETED' ? lastState(row) : after.has(id) ? after.get(id) : currentText(index, row.key);
    after.set(id, previousText);
    if (text === undefined)
      throw new Error(`The log of a cluster does not fit its objects at revision ${row.revision}.`);
    changes.push({
      type: row.type,
      key: row.key,
      revision: row.revision,
      writtenAtMs: row.writtenAtMs,
      text,
      previousText,
    });
  }
  return changes.reverse();
}

function lastState(row: LogRow): string | undefined {
  return row.previous === null
    ? undefined
    : JSON.stringify(withRevision(parseObject(row.previous), row.revision));
}

const currentText = (index: ObjectIndex, key: ObjectKey): string | undefined =>
  index.get(key.resource, objectId(key.namespace, key.name))?.text;

/** One text for a key, usable in a Map. */
export function keyText(key: ObjectKey): string {
  return `${key.resource}/${key.namespace}/${key.name}`;
}
