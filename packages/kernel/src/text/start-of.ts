/**
 * The beginning of a text, of at most so many UTF-16 units, which is how `length` and limits of schemas count. What a reader
 * takes for one character (a letter with its accents, an emoji) stays whole or is left out.
 */
export function startOf(text: string, unitsMax: number): string {
  if (text.length <= unitsMax) return text;
  let end = 0;
  for (const { index, segment } of new Intl.Segmenter('en').segment(text.slice(0, unitsMax * 2))) {
    if (index + segment.length > unitsMax) break;
    end = index + segment.length;
  }
  return text.slice(0, end);
}
