import type { Entry } from './entry.ts';

/** All entries of a kind in a cluster. The sorted list is made when first needed and kept from then on. */
export interface Kind {
  entries: Map<string, Entry>;
  sorted: Entry[] | undefined;
}

/** Puts an entry in, in the place of the one with the same id. */
export function setEntry(kind: Kind, entry: Entry): void {
  const replaced = kind.entries.has(entry.id) ? 1 : 0;
  kind.entries.set(entry.id, entry);
  kind.sorted?.splice(lowerBound(kind.sorted, entry.id), replaced, entry);
}

/** Takes an entry out and answers it. */
export function takeEntry(kind: Kind, id: string): Entry | undefined {
  const entry = kind.entries.get(id);
  if (entry === undefined) return undefined;
  kind.entries.delete(id);
  kind.sorted?.splice(lowerBound(kind.sorted, id), 1);
  return entry;
}

/** By ascending id. */
export function sortedEntries(kind: Kind): readonly Entry[] {
  kind.sorted ??= [...kind.entries.values()].sort((a, b) => (a.id < b.id ? -1 : 1));
  return kind.sorted;
}

/** The position of the first entry whose id is not below `id`. */
export function lowerBound(entries: readonly Entry[], id: string): number {
  let low = 0;
  let high = entries.length;
  while (low < high) {
    const middle = (low + high) >>> 1;
    const entry = entries[middle];
    if (entry !== undefined && entry.id < id) low = middle + 1;
    else high = middle;
  }
  return low;
}
