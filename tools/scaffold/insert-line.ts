/**
 * Adds `importLine` and `listLine` to an index file: each goes, in alphabetical order, among the lines that look like it.
 * Throws an Error when there is no such place or the line is there already.
 */
export function insertSorted(text: string, line: string, like: RegExp): string {
  const lines = text.split('\n');
  if (lines.includes(line)) throw new Error(`"${line.trim()}" is there already`);
  const peers = lines.flatMap((peer, index) => (like.test(peer) ? [{ peer, index }] : []));
  const last = peers.at(-1);
  if (!last) throw new Error(`no place for "${line.trim()}"`);
  const next = peers.find(({ peer }) => peer > line);
  lines.splice(next ? next.index : last.index + 1, 0, line);
  return lines.join('\n');
}
