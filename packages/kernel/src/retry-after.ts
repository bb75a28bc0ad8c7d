/** Longer than that nobody is believed: a wrong clock or header must not put work off for days. */
const retryAfterMsMax = 60 * 60_000;

/**
 * Milliseconds to wait as whoever was asked wants it (`Retry-After`, RFC 9110 §10.2.3): `retryAfterMs` of the error, or of
 * what caused it. At most an hour; null when nobody said anything.
 */
export function retryAfterMsOf(error: unknown): number | null {
  for (let found = error; found instanceof Error; found = found.cause) {
    if (!('retryAfterMs' in found)) continue;
    const { retryAfterMs } = found;
    if (typeof retryAfterMs === 'number' && retryAfterMs >= 0) return Math.min(retryAfterMs, retryAfterMsMax);
  }
  return null;
}
