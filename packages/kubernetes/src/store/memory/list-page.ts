import type { GroupResource, KubeObject } from '../../types.ts';
import type { ClusterState } from '../cluster-state.ts';
import { objectId, type Entry } from './entry.ts';
import { lowerBound } from './kind.ts';
import { parseObject, type ParsedCache } from './parsed-cache.ts';
import type { ListOptions, ListPage } from '../store.ts';

interface Source {
  state: ClusterState;
  parsed: ParsedCache;
  resource: GroupResource;
}

/** One page of a kind, in the order of the keys, now or as it was at an earlier revision. */
export function listPage(source: Source, options: ListOptions): ListPage {
  const { state, parsed, resource } = source;
  const past = options.atRevision !== undefined && options.atRevision !== state.revision;
  const entries = past ? entriesAt(source, options.atRevision ?? 0) : state.index.sorted(resource);
  const { start, end } = range(entries, options);
  const { filter, limit } = options;
  const toObject = past ? (entry: Entry) => entry.pinned ?? parseObject(entry.text) : parsed.get;
  const most = limit === undefined || limit <= 0 ? Infinity : limit;
  const chosen: Entry[] = [];
  let at = start;
  let more = false;
  for (; at < end; at++) {
    const entry = entries[at];
    if (entry === undefined || (filter !== undefined && !filter(toObject(entry)))) continue;
    if (chosen.length >= most) {
      more = true;
      break;
    }
    chosen.push(entry);
  }
  return page(chosen, { toObject, more, remaining: end - at });
}

interface Rest {
  toObject: (entry: Entry) => KubeObject;
  more: boolean;
  remaining: number;
}

/** Parsing waits until somebody asks for the objects: many lists are answered from the texts alone. */
function page(chosen: readonly Entry[], { toObject, more, remaining }: Rest): ListPage {
  const texts = chosen.map((entry) => entry.text);
  let items: ListPage['items'] | undefined;
  return {
    texts,
    more,
    remaining,
    get items() {
      // An entry changes in place at the next write; its page does not.
      return (items ??= chosen.map((entry, at) =>
        entry.text === texts[at] ? toObject(entry) : parseObject(texts[at] ?? ''),
      ));
    },
  };
}

function range(entries: readonly Entry[], { namespace, after }: ListOptions): { start: number; end: number } {
  // '0' is the character after '/', so `namespace0` is above every key of the namespace.
  const end = namespace === undefined ? entries.length : lowerBound(entries, `${namespace}0`);
  let start = namespace === undefined ? 0 : lowerBound(entries, `${namespace}/`);
  if (after !== undefined) {
    const id = objectId(after.namespace, after.name);
    const next = lowerBound(entries, id);
    start = Math.max(start, entries[next]?.id === id ? next + 1 : next);
  }
  return { start, end: Math.max(start, end) };
}

/** Takes back every change after the revision: the first change to a key since then knows the state before. */
function entriesAt({ state, resource }: Source, revision: number): Entry[] {
  const changes = revision > state.revision ? undefined : state.ring.after(revision);
  if (changes === undefined) throw new RangeError('The store no longer knows that revision, or not yet.');
  const before = new Map<string, Entry | undefined>();
  for (const { key, previousText } of changes) {
    const id = objectId(key.namespace, key.name);
    if (key.resource !== resource || before.has(id)) continue;
    before.set(id, previousText === undefined ? undefined : pastEntry({ key, id, text: previousText }));
  }
  const kept = state.index.sorted(resource).filter((entry) => !before.has(entry.id));
  const restored = [...before.values()].filter((entry) => entry !== undefined);
  return [...kept, ...restored].sort((a, b) => (a.id < b.id ? -1 : 1));
}

function pastEntry({ key, id, text }: Pick<Entry, 'key' | 'id' | 'text'>): Entry {
  return { key, id, text, revision: 0, uid: '', owners: [], node: '', pinned: undefined };
}
