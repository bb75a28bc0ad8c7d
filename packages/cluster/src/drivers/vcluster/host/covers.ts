import { isRecord } from './objects.ts';

/**
 * True when everything in `wanted` is in `live`: applying it would change nothing. Fields that the server adds do not
 * matter; lists have the same length and order, as the server keeps them; what is wanted empty is empty or missing, for
 * an empty selector means everything.
 */
export function covers(live: unknown, wanted: unknown): boolean {
  if (isEmpty(wanted)) return isEmpty(live);
  if (Array.isArray(wanted)) {
    return (
      Array.isArray(live) &&
      live.length === wanted.length &&
      wanted.every((item, index) => covers(live[index], item))
    );
  }
  if (isRecord(wanted)) {
    return isRecord(live) && Object.entries(wanted).every(([key, value]) => covers(live[key], value));
  }
  return live === wanted;
}

function isEmpty(value: unknown): boolean {
  // A number that is 0 is left out by the server (`nodePort`); a false may not be: without it, more is allowed.
  if (value === null || value === undefined || value === 0) return true;
  if (Array.isArray(value)) return value.length === 0;
  return isRecord(value) && Object.keys(value).length === 0;
}
