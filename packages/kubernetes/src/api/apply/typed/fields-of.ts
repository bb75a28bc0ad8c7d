import { isRecord } from '../../registry/object.ts';
import { asMember, isMember, leaf, type FieldSet, type MaybeFields } from './field-set.ts';
import { elementKey, indexList } from './list-element.ts';
import { elementText } from './path-text.ts';
import { childShape, resolve, type ListShape, type Shape } from './shape.ts';

interface Walk {
  /** Undefined where an object is read that need not be right. */
  problems: string[] | undefined;
}

/**
 * The fields that a configuration owns: leaves, map entries, list elements and empty structs. Structs and maps themselves are not.
 * Problems (unknown fields, duplicates) are added to `problems` in upstream's wording.
 */
export function fieldsOf(value: unknown, shape: Shape, problems?: string[]): MaybeFields {
  return walk(value, shape, { path: '', problems });
}

function walk(value: unknown, given: Shape, at: Walk & { path: string }): MaybeFields {
  const shape = resolve(given, value);
  if (shape.kind === 'leaf') return leaf;
  if (value === null || value === undefined) return undefined;
  if (shape.kind === 'list') {
    if (Array.isArray(value)) return walkList(value, shape, at);
    at.problems?.push(`${at.path}: expected list, got ${JSON.stringify(value)}`);
    return undefined;
  }
  if (!isRecord(value)) {
    at.problems?.push(`${at.path}: expected map, got ${JSON.stringify(value)}`);
    return undefined;
  }
  const result: Record<string, FieldSet> = {};
  for (const [name, item] of Object.entries(value)) {
    if (item === undefined) continue;
    const inner = childShape(shape, name);
    const path = `${at.path}.${name}`;
    if (!inner) {
      at.problems?.push(`${path}: field not declared in schema`);
      continue;
    }
    const below = walk(item, inner, { path, problems: at.problems });
    const own = item === null || (isRecord(item) && Object.keys(item).length === 0) || shape.kind === 'map';
    const node = own ? asMember(below) : below;
    if (node !== undefined) result[`f:${name}`] = node;
  }
  return Object.keys(result).length === 0 ? undefined : result;
}

function walkList(list: readonly unknown[], shape: ListShape, at: Walk & { path: string }): MaybeFields {
  if (at.problems) checkElements(list, shape, { path: at.path, problems: at.problems });
  const result: Record<string, FieldSet> = {};
  for (const [key, items] of indexList(shape, list).byKey) {
    // Which of several equal ones is meant nobody can say: they are owned together.
    const below =
      items.length > 1
        ? undefined
        : walk(items[0], shape.element, { path: at.path + elementText(key), problems: at.problems });
    result[key] = asMember(below);
  }
  return list.length === 0 ? undefined : result;
}

function checkElements(
  list: readonly unknown[],
  shape: ListShape,
  { path, problems }: { path: string; problems: string[] },
): void {
  const seen = new Set<string>();
  list.forEach((item, place) => {
    const found = elementKey(shape, item);
    if ('missing' in found) {
      const field = JSON.stringify(found.missing);
      problems.push(
        `${path}: element ${place}: associative list with keys has an element that omits key field ${field} (and doesn't have default value)`,
      );
    } else if (seen.has(found.key)) {
      const entry = found.key.startsWith('k:')
        ? `key ${elementText(found.key)}`
        : `value ${elementText(found.key)}`;
      problems.push(`${path}: duplicate entries for ${entry}`);
    } else seen.add(found.key);
  });
}

/** Every field of a value, containers included: what appears when the whole value does. */
export function everyField(value: unknown, given: Shape): FieldSet {
  const shape = resolve(given, value);
  const result: Record<string, FieldSet> = {};
  if (shape.kind === 'list' && Array.isArray(value)) {
    for (const [key, items] of indexList(shape, value).byKey)
      result[key] = items.length > 1 ? leaf : everyField(items[0], shape.element);
  } else if ((shape.kind === 'struct' || shape.kind === 'map') && isRecord(value)) {
    for (const [name, item] of Object.entries(value)) {
      const inner = childShape(shape, name);
      if (inner && item !== undefined) result[`f:${name}`] = everyField(item, inner);
    }
  }
  return Object.keys(result).length === 0 ? leaf : asMember(result);
}

/** Adds the struct fields on the way to members: who owns `spec.replicas` holds on to `spec`. Maps and list elements are not added. */
export function withNamedParents(set: MaybeFields, shape: Shape): MaybeFields {
  if (set === undefined) return undefined;
  const result: Record<string, FieldSet> = {};
  for (const key in set) {
    const node = set[key];
    if (node === undefined) continue;
    if (key === '.') {
      result[key] = node;
      continue;
    }
    const field = key.startsWith('f:');
    const inner = field ? childShape(shape, key.slice(2)) : shape.kind === 'list' ? shape.element : undefined;
    const below = withNamedParents(node, inner ?? { kind: 'any' }) ?? node;
    result[key] = field && shape.kind === 'struct' && inner && !isMember(below) ? asMember(below) : below;
  }
  return result;
}
