import type { Clock } from '@hexabase/kernel/clock.ts';
import type { Logger } from '@hexabase/kernel/log.ts';

export interface UseNotesDeps {
  /** Writes that these workspaces were in use. */
  write(workspaceIds: readonly string[], atMs: number): Promise<void>;
  /** Workspaces with open connections: a shell that says nothing is still in use. */
  connected(): Iterable<string>;
  clock: Clock;
  log: Logger;
}

/** Remembers which workspaces are used, so that idle ones can be put to sleep. */
export interface UseNotes extends AsyncDisposable {
  used(workspaceId: string): void;
}

/** A workspace is written at most this often. */
const everyMs = 60_000;
/** What is used within this time is written in one statement. */
const gatherMs = 1_000;

/** Loses what could not be written: the next use comes, and a minute more or less of idleness matters to nobody. */
export function useNotes({ write, connected, clock, log }: UseNotesDeps): UseNotes {
  const writtenAt = new Map<string, number>();
  const fresh = new Set<string>();
  let timer: NodeJS.Timeout | null = null;
  let writing: Promise<void> = Promise.resolve();

  function used(workspaceId: string): void {
    const before = writtenAt.get(workspaceId);
    if (before !== undefined && clock.now() - before < everyMs) return;
    writtenAt.set(workspaceId, clock.now());
    fresh.add(workspaceId);
    timer ??= setTimeout(flush, gatherMs).unref();
  }

  function flush(): void {
    timer = null;
    const ids = [...fresh];
    fresh.clear();
    if (ids.length === 0) return;
    writing = writing.then(() =>
      write(ids, clock.now()).catch((error: unknown) => {
        log.warn({ error, workspaces: ids.length }, 'the use of workspaces could not be noted');
      }),
    );
  }

  const sweep = setInterval(() => {
    const now = clock.now();
    for (const [id, at] of writtenAt) if (now - at >= everyMs) writtenAt.delete(id);
    for (const id of connected()) used(id);
  }, everyMs).unref();

  return {
    used,
    async [Symbol.asyncDispose]() {
      clearInterval(sweep);
      if (timer) clearTimeout(timer);
      flush();
      await writing;
    },
  };
}
