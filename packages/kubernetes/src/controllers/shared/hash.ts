const SAFE = 'bcdfghjklmnpqrstvwxz2456789';

/** A short stable text for a value, in the alphabet of Kubernetes' generated names (`rand.SafeEncodeString` of FNV-1a). */
export function shortHash(value: unknown, salt = 0): string {
  const text = `${canonicalJson(value)}${salt > 0 ? salt : ''}`;
  let hash = 0x811c9dc5;
  for (let index = 0; index < text.length; index++) {
    hash = Math.imul(hash ^ text.charCodeAt(index), 0x01000193) >>> 0;
  }
  return Array.from(String(hash), (digit) => SAFE[digit.charCodeAt(0) % SAFE.length] ?? 'b').join('');
}

/** JSON with sorted keys and without absent fields: equal text means equal value. */
export function canonicalJson(value: unknown): string {
  return JSON.stringify(value, (_key, part: unknown) => (isRecord(part) ? sorted(part) : part)) ?? 'null';
}

/** Whether two API values are the same, whatever the order of their fields. */
export function sameValue(left: unknown, right: unknown): boolean {
  return left === right || canonicalJson(left) === canonicalJson(right);
}

function isRecord(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

function sorted(record: Record<string, unknown>): Record<string, unknown> {
  return Object.fromEntries(
    Object.entries(record).sort(([left], [right]) => (left < right ? -1 : left > right ? 1 : 0)),
  );
}
