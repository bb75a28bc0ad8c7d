import type { Clock } from '@hexabase/kernel/clock.ts';

/** Remembers what a loader answered for a moment; asks once for many callers at the same time. */
export interface ShortCache<T> {
  get(key: string): Promise<T>;
  /** Forgets every key that begins so. */
  forgetPrefix(prefix: string): void;
  clear(): void;
}

const entriesMax = 20_000;

/** `ttlMs` counts from the start of loading, so that an answer is never older. Failures are not remembered. */
export function shortCache<T>(
  load: (key: string) => Promise<T>,
  options: { ttlMs: number; clock: Clock },
): ShortCache<T> {
  const entries = new Map<string, { at: number; value: Promise<T> }>();
  return {
    get(key) {
      const now = options.clock.now();
      const known = entries.get(key);
      if (known && now - known.at < options.ttlMs) return known.value;
      if (entries.size >= entriesMax) entries.clear();
      const entry = { at: now, value: load(key) };
      entries.set(key, entry);
      entry.value.catch(() => {
        if (entries.get(key) === entry) entries.delete(key);
      });
      return entry.value;
    },
    forgetPrefix(prefix) {
      for (const key of entries.keys()) if (key.startsWith(prefix)) entries.delete(key);
    },
    clear: () => entries.clear(),
  };
}
