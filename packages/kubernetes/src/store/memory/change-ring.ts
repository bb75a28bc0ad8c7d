import type { GroupResource, KubeObject } from '../../types.ts';
import { parseObject } from './parsed-cache.ts';
import type { ChangeType } from '../persistence.ts';
import type { ObjectKey, StoreEvent } from '../store.ts';

/** A committed change as texts only; watchers that come later parse what they need. */
export interface Change {
  type: ChangeType;
  key: ObjectKey;
  revision: number;
  writtenAtMs: number;
  /** The state after; for DELETED the last state with the revision of the deletion. */
  text: string;
  previousText: string | undefined;
}

export interface RingLimits {
  /** At least so many changes stay, however old or large. */
  changesMin: number;
  /** Older ones may go. */
  ageMsMax: number;
  /** Above `changesMin`, the texts of a cluster's ring stay below this many characters. */
  charactersMax: number;
}

/** The newest changes of a cluster, so that watches can start in the past. */
export interface ChangeRing {
  append(change: Change): void;
  /** Changes after `revision`, oldest first; undefined when some of them are gone. */
  after(revision: number): readonly Change[] | undefined;
  /** The newest revision whose change is gone. */
  dropped(): number;
  trim(nowMs: number): void;
}

export function createChangeRing(droppedRevision: number, limits: RingLimits): ChangeRing {
  let changes: Change[] = [];
  let head = 0;
  let dropped = droppedRevision;
  let characters = 0;

  function trim(nowMs: number): void {
    while (changes.length - head > limits.changesMin) {
      const oldest = changes[head];
      if (oldest === undefined) break;
      if (nowMs - oldest.writtenAtMs <= limits.ageMsMax && characters <= limits.charactersMax) break;
      characters -= oldest.text.length;
      dropped = oldest.revision;
      head++;
    }
    if (head > 1000 && head * 2 > changes.length) {
      changes = changes.slice(head);
      head = 0;
    }
  }

  return {
    append(change) {
      changes.push(change);
      characters += change.text.length;
      trim(change.writtenAtMs);
    },
    after(revision) {
      if (revision < dropped) return undefined;
      let low = head;
      let high = changes.length;
      while (low < high) {
        const middle = (low + high) >>> 1;
        if ((changes[middle]?.revision ?? 0) <= revision) low = middle + 1;
        else high = middle;
      }
      return changes.slice(low);
    },
    dropped: () => dropped,
    trim,
  };
}

/** The event of a change. Parsing waits until somebody looks at the objects; live events bring them along. */
export function toEvent(
  change: Change,
  live?: { object: KubeObject; previous: KubeObject | undefined },
): StoreEvent {
  const { type, key, revision, text, previousText } = change;
  if (live !== undefined) return { type, key, revision, text, ...live };
  let object: KubeObject | undefined;
  let previous: KubeObject | undefined;
  return {
    type,
    key,
    revision,
    text,
    get object() {
      return (object ??= parseObject(text));
    },
    get previous() {
      if (previousText === undefined) return undefined;
      return (previous ??= parseObject(previousText));
    },
  };
}

export function ofKind(changes: readonly Change[], resource: GroupResource | '*'): readonly Change[] {
  return resource === '*' ? changes : changes.filter((change) => change.key.resource === resource);
}
