import { isRecord, sameJson, textAt } from '../registry/object.ts';
import { parseFieldSet, union, type MaybeFields } from './typed/field-set.ts';

/** One entry of `metadata.managedFields`, read. */
export interface Manager {
  manager: string;
  operation: 'Apply' | 'Update';
  apiVersion: string;
  /** RFC 3339; '' when unknown. */
  time: string;
  subresource: string;
  set: MaybeFields;
}

/** Upstream keeps this many updaters apart and joins the oldest of the others. */
const updatersMax = 10;
const ancient = 'ancient-changes';

/** Reads managedFields; undefined when an entry is not as it should be. */
export function readManagers(entries: unknown): Manager[] | undefined {
  if (entries === undefined || entries === null) return [];
  if (!Array.isArray(entries)) return undefined;
  const result: Manager[] = [];
  for (const entry of entries) {
    const operation = textAt(entry, 'operation');
    const fields = isRecord(entry) ? parseFieldSet(entry['fieldsV1'] ?? {}) : undefined;
    if (
      !fields ||
      (operation !== 'Apply' && operation !== 'Update') ||
      textAt(entry, 'fieldsType') !== 'FieldsV1'
    )
      return undefined;
    result.push({
      manager: textAt(entry, 'manager'),
      operation,
      apiVersion: textAt(entry, 'apiVersion'),
      time: textAt(entry, 'time'),
      subresource: textAt(entry, 'subresource'),
      set: fields.set,
    });
  }
  return result;
}

/** Writes managedFields, without managers that own nothing; undefined when none is left. Appliers first, then by time and name. */
export function writeManagers(managers: readonly Manager[]): unknown[] | undefined {
  const kept = managers.filter(({ set }) => set !== undefined).sort(byPlace);
  if (kept.length === 0) return undefined;
  return kept.map(({ manager, operation, apiVersion, time, subresource, set }) => ({
    ...(manager && { manager }),
    operation,
    apiVersion,
    ...(time && { time }),
    fieldsType: 'FieldsV1',
    fieldsV1: set,
    ...(subresource && { subresource }),
  }));
}

/** Whether both are the same manager. What an updater does with another version is kept apart. */
export function sameManager(a: Omit<Manager, 'set' | 'time'>, b: Omit<Manager, 'set' | 'time'>): boolean {
  return (
    a.manager === b.manager &&
    a.operation === b.operation &&
    a.subresource === b.subresource &&
    (a.operation === 'Apply' || a.apiVersion === b.apiVersion)
  );
}

/** `[{}]` asks to forget all managers. An empty list does not. */
export function asksForReset(entries: unknown): boolean {
  return (
    Array.isArray(entries) &&
    entries.length === 1 &&
    isRecord(entries[0]) &&
    Object.keys(entries[0]).length === 0
  );
}

/** Joins the oldest updaters when there are too many. */
export function joinOldest(managers: readonly Manager[]): Manager[] {
  const updaters = managers.filter(({ operation, set }) => operation === 'Update' && set !== undefined);
  const surplus = updaters.length - updatersMax;
  if (surplus <= 0) return [...managers];
  const old = new Set(updaters.sort(byPlace).slice(0, surplus + 1));
  const joined = new Map<string, Manager>();
  for (const each of old) {
    const known = joined.get(each.apiVersion);
    joined.set(each.apiVersion, {
      manager: ancient,
      operation: 'Update',
      apiVersion: each.apiVersion,
      time: each.time,
      subresource: '',
      set: union(known?.set, each.set),
    });
  }
  return [...managers.filter((each) => !old.has(each)), ...joined.values()];
}

/** Equality of managedFields but for the times. */
export function sameButTimes(a: unknown, b: unknown): boolean {
  if (a === b) return true;
  if (!Array.isArray(a) || !Array.isArray(b) || a.length !== b.length) return false;
  return withoutTimes(a).every((entry) => withoutTimes(b).some((other) => sameJson(entry, other)));
}

function withoutTimes(entries: readonly unknown[]): unknown[] {
  return entries.map((entry) => (isRecord(entry) ? { ...entry, time: undefined } : entry));
}

function byPlace(a: Manager, b: Manager): number {
  return (
    compareText(a.operation, b.operation) ||
    compareText(a.time, b.time) ||
    compareText(a.manager, b.manager) ||
    compareText(a.apiVersion, b.apiVersion) ||
    compareText(a.subresource, b.subresource)
  );
}

function compareText(a: string, b: string): number {
  return a < b ? -1 : Number(a > b);
}
