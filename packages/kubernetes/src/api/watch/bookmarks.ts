/** Something that can be told the newest revision now and then. */
export interface BookmarkTarget {
  bookmark(): void;
}

const everyMs = 60_000;
const targets = new Set<BookmarkTarget>();
let timer: NodeJS.Timeout | undefined;

/** Calls `bookmark` about once a minute. One timer serves all watches of the process. Answers how to stop. */
export function remindOfBookmarks(target: BookmarkTarget): () => void {
  targets.add(target);
  timer ??= setInterval(() => {
    for (const each of targets) each.bookmark();
  }, everyMs).unref();
  return () => {
    targets.delete(target);
    if (targets.size > 0) return;
    clearInterval(timer);
    timer = undefined;
  };
}
