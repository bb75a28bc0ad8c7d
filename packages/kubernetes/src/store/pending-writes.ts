import type { KubeObject } from '../types.ts';
import { keyText } from './cluster-state.ts';
import type { CommittingCluster, PendingWrite } from './group-commit.ts';
import { withRevision } from './memory/parsed-cache.ts';
import type { ObjectKey, WriteDecision, WriteResult } from './store.ts';

/** The writes of a cluster that were decided and are not durable yet: the newest state of their keys. */
export interface PendingWrites {
  /** The newest one of a key. */
  newest(key: ObjectKey): Pending | undefined;
  add(draft: Draft): Pending;
  /** It is durable now. */
  settle(write: PendingWrite): void;
  /** None of them counts. */
  clear(): void;
  /** How many callers still wait. */
  waiting(): number;
}

export interface Pending {
  readonly write: PendingWrite;
  readonly done: Promise<WriteResult>;
  /** Undefined when it is a deletion. */
  readonly after: KubeObject | undefined;
}

export interface Draft {
  key: ObjectKey;
  decision: Exclude<WriteDecision, { kind: 'none' }>;
  revision: number;
  previous: { object: KubeObject; text: string } | undefined;
  hidesBase: boolean;
}

export function createPendingWrites(cluster: CommittingCluster): PendingWrites {
  const byKey = new Map<string, Pending>();
  let waiting = 0;
  const settled = (): void => {
    waiting--;
  };
  return {
    newest: (key) => byKey.get(keyText(key)),
    add(draft) {
      const pending = toPending(draft, cluster);
      byKey.set(keyText(draft.key), pending);
      waiting++;
      pending.done.then(settled, settled);
      return pending;
    },
    settle(write) {
      const text = keyText(write.key);
      if (byKey.get(text)?.write === write) byKey.delete(text);
    },
    clear: () => byKey.clear(),
    waiting: () => waiting,
  };
}

/** The one place where an object becomes text: for the row, the readers and all watchers. */
function toPending(
  { key, decision, revision, previous, hidesBase }: Draft,
  cluster: CommittingCluster,
): Pending {
  const deletes = decision.kind === 'delete';
  const next = deletes ? previous?.object : decision.object;
  if (next === undefined) throw new Error('There is nothing to delete.');
  const object = withRevision(next, revision);
  const { promise: done, resolve, reject } = Promise.withResolvers<WriteResult>();
  const write: PendingWrite = {
    cluster,
    key,
    revision,
    object,
    hidesBase,
    resolve,
    reject,
    text: JSON.stringify(object),
    type: deletes ? 'DELETED' : previous === undefined ? 'ADDED' : 'MODIFIED',
    previous: previous?.object,
    previousText: previous?.text,
    writtenAtMs: 0,
  };
  return { write, done, after: deletes ? undefined : object };
}
