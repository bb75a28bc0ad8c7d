import { LRUCache } from 'lru-cache';
import type { KubeObject } from '../../types.ts';
import type { Entry } from './entry.ts';

/** Objects parsed from the stored texts, shared by all clusters; the least recently used ones are parsed again. */
export interface ParsedCache {
  get(entry: Entry): KubeObject;
  set(entry: Entry, object: KubeObject): void;
  drop(entry: Entry): void;
}

/** `bytesMax` counts the length of the texts; the parsed objects take about four times that. */
export function createParsedCache(bytesMax: number): ParsedCache {
  const cache = new LRUCache<Entry, KubeObject>({
    maxSize: bytesMax,
    sizeCalculation: (_, entry) => entry.text.length + 1,
  });
  return {
    get(entry) {
      const known = entry.pinned ?? cache.get(entry);
      if (known !== undefined) return known;
      const object = parseObject(entry.text);
      cache.set(entry, object);
      return object;
    },
    set: (entry, object) => void cache.set(entry, object),
    drop: (entry) => void cache.delete(entry),
  };
}

/** Parses text that the store itself has written. */
export function parseObject(text: string): KubeObject {
  const object: KubeObject = JSON.parse(text);
  return object;
}

/** The object at a revision; the original stays as it is. */
export function withRevision(object: KubeObject, revision: number): KubeObject {
  return { ...object, metadata: { ...object.metadata, resourceVersion: String(revision) } };
}
