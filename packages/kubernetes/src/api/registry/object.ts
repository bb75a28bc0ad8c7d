import type { KubeObject } from '../../types.ts';

/** True for a JSON object (not null, not an array). */
export function isRecord(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

/** The record at `field`, or undefined. */
export function recordAt(value: unknown, field: string): Record<string, unknown> | undefined {
  if (!isRecord(value)) return undefined;
  const inner = value[field];
  return isRecord(inner) ? inner : undefined;
}

/** The record at `field`, made when missing. */
export function ensureRecord(value: Record<string, unknown>, field: string): Record<string, unknown> {
  const inner = value[field];
  if (isRecord(inner)) return inner;
  const made: Record<string, unknown> = {};
  value[field] = made;
  return made;
}

export function arrayAt(value: unknown, field: string): unknown[] {
  if (!isRecord(value)) return [];
  const inner = value[field];
  return Array.isArray(inner) ? inner : [];
}

export function textAt(value: unknown, field: string): string {
  if (!isRecord(value)) return '';
  const inner = value[field];
  return typeof inner === 'string' ? inner : '';
}

export function numberAt(value: unknown, field: string): number | undefined {
  if (!isRecord(value)) return undefined;
  const inner = value[field];
  return typeof inner === 'number' ? inner : undefined;
}

/** Equality of JSON values; key order does not count. */
export function sameJson(a: unknown, b: unknown): boolean {
  if (a === b) return true;
  if (Array.isArray(a))
    return Array.isArray(b) && a.length === b.length && a.every((item, index) => sameJson(item, b[index]));
  if (!isRecord(a) || !isRecord(b)) return false;
  const keys = Object.keys(a).filter((key) => a[key] !== undefined);
  if (keys.length !== Object.keys(b).filter((key) => b[key] !== undefined).length) return false;
  return keys.every((key) => Object.hasOwn(b, key) && sameJson(a[key], b[key]));
}

/** A deep copy of plain JSON, cheaper than structuredClone. */
export function copyJson<T>(value: T): T;
export function copyJson(value: unknown): unknown {
  if (Array.isArray(value)) return value.map((item: unknown) => copyJson(item));
  if (!isRecord(value)) return value;
  const copy: Record<string, unknown> = {};
  for (const key of Object.keys(value)) copy[key] = copyJson(value[key]);
  return copy;
}

/** Puts managedFields on an object, or takes them off. */
export function setManagedFields(object: KubeObject, managedFields: unknown[] | undefined): void {
  if (managedFields === undefined) delete object.metadata.managedFields;
  else object.metadata.managedFields = managedFields;
}

/** RFC 3339 to the second, as `metav1.Time`. */
export function kubeTime(ms: number): string {
  return `${new Date(ms).toISOString().slice(0, 19)}Z`;
}
