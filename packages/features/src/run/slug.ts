const slugLengthMax = 40;
const suffixAlphabet = 'abcdefghijkmnpqrstuvwxyz23456789';

/** The DNS label that a name suggests: `Über Team 7` gives `uber-team-7`. `fallback` when nothing usable is left. */
export function slugFrom(name: string, fallback: string): string {
  const ascii = name
    .normalize('NFKD')
    .replace(/\p{M}+/gu, '')
    .toLowerCase()
    .replace(/[^a-z0-9]+/g, '-');
  const slug = trimDashes(ascii.slice(0, slugLengthMax));
  return slug.length >= 3 ? slug : trimDashes(`${fallback}-${slug}`);
}

/** Slugs to try one after another: the plain one, then with suffixes that get longer. */
export function* slugCandidates(name: string, fallback: string): Generator<string> {
  const base = slugFrom(name, fallback);
  yield base;
  for (const length of [3, 4, 4, 5, 6, 8, 10, 12]) {
    yield `${trimDashes(base.slice(0, slugLengthMax - length - 1))}-${randomSuffix(length)}`;
  }
}

function trimDashes(text: string): string {
  return text.replace(/^-+|-+$/g, '');
}

function randomSuffix(length: number): string {
  return Array.from(
    crypto.getRandomValues(new Uint8Array(length)),
    (byte) => suffixAlphabet[byte % suffixAlphabet.length],
  ).join('');
}
