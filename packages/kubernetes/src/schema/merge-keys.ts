import { fieldSchema, structOf, typeNameOf, typeSchema } from './type-table.ts';
import type { FieldSchema, TypeSchema } from './type-table.ts';

/** How patches treat a list, map or struct, from upstream's `x-kubernetes-*` extensions. */
export interface MergeStrategy {
  /** Strategic merge patch: `merge`, `replace`, `retainKeys`; empty means replace (lists) or merge (maps and structs). */
  patchStrategies: readonly string[];
  /** Strategic merge patch: the key that tells elements of a merged list of objects apart. */
  patchMergeKey: string | undefined;
  /** Server-side apply. Lists without a type are atomic. */
  listType: 'atomic' | 'set' | 'map' | undefined;
  listMapKeys: readonly string[];
  /** Server-side apply: the map or struct is owned as a whole. */
  atomic: boolean;
}

/** A place in a kind's schema. Walk with `childNode` and `elementNode`. */
export interface SchemaNode {
  /** Type expression of `type-table.ts`. */
  readonly type: string;
  readonly field: FieldSchema | undefined;
}

/** The node of a kind, or undefined when it has no schema (treat as free-form JSON). */
export function rootNode(apiVersion: string, kind: string): SchemaNode | undefined {
  const name = typeNameOf(apiVersion, kind);
  return typeSchema(name) ? { type: `#${name}`, field: undefined } : undefined;
}

/** The field of a struct or the value of a map; undefined when the schema does not know it. */
export function childNode(node: SchemaNode, name: string): SchemaNode | undefined {
  if (node.type.startsWith('{}')) return { type: node.type.slice(2), field: undefined };
  const schema = schemaOf(node);
  const field = schema && fieldSchema(schema, name);
  return field && { type: field.type, field };
}

/** The elements of a list, or undefined when the node is no list. */
export function elementNode(node: SchemaNode): SchemaNode | undefined {
  return node.type.startsWith('[]') ? { type: node.type.slice(2), field: undefined } : undefined;
}

/** How patches treat the value at a node. */
export function strategyOf(node: SchemaNode): MergeStrategy {
  const { field } = node;
  const listType = field?.listType;
  return {
    patchStrategies: field?.patchStrategy?.split(',') ?? [],
    patchMergeKey: field?.patchMergeKey,
    listType: listType === 'set' || listType === 'map' || listType === 'atomic' ? listType : undefined,
    listMapKeys: field?.listMapKeys ?? [],
    atomic: field?.atomic === true || schemaOf(node)?.atomic === true,
  };
}

/**
 * How patches treat the value at a path of field names, list elements left out: `['spec', 'containers', 'env']`.
 * Undefined when the schema does not know the path.
 */
export function listStrategy(
  apiVersion: string,
  kind: string,
  path: readonly string[],
): MergeStrategy | undefined {
  let node = rootNode(apiVersion, kind);
  for (const name of path) {
    if (!node) return undefined;
    node = childNode(elementNode(node) ?? node, name);
  }
  return node && strategyOf(node);
}

function schemaOf(node: SchemaNode): TypeSchema | undefined {
  const struct = node.type.startsWith('#') ? structOf(node.type) : undefined;
  return struct === undefined ? undefined : typeSchema(struct);
}
