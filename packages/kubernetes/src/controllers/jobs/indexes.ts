import type { Pod } from '../../objects.ts';

export const INDEX_KEY = 'batch.kubernetes.io/job-completion-index';

/** The completion index of a pod of an Indexed Job. */
export function indexOf(pod: Pod): number | undefined {
  const text = pod.metadata.annotations?.[INDEX_KEY] ?? pod.metadata.labels?.[INDEX_KEY];
  const index = Number.parseInt(text ?? '', 10);
  return Number.isNaN(index) ? undefined : index;
}

/** `1,3-5` of `status.completedIndexes` as a set. */
export function parseIndexes(text: string | undefined): Set<number> {
  const indexes = new Set<number>();
  for (const part of (text ?? '').split(',')) {
    const [first, last] = part.split('-').map((number) => Number.parseInt(number, 10));
    if (first === undefined || Number.isNaN(first)) continue;
    for (let index = first; index <= (last ?? first); index++) indexes.add(index);
  }
  return indexes;
}

/** The reverse: runs of three or more as `a-b`, pairs as `a,b`, as upstream writes them. */
export function formatIndexes(indexes: Iterable<number>): string {
  const sorted = [...indexes].sort((a, b) => a - b);
  const parts: string[] = [];
  for (let at = 0; at < sorted.length;) {
    let end = at;
    while ((sorted[end + 1] ?? Number.NaN) === (sorted[end] ?? 0) + 1) end++;
    const [first, last] = [sorted[at] ?? 0, sorted[end] ?? 0];
    parts.push(first === last ? `${first}` : last === first + 1 ? `${first},${last}` : `${first}-${last}`);
    at = end + 1;
  }
  return parts.join(',');
}
