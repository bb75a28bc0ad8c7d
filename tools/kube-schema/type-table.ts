import { join } from 'node:path';
import type { FieldSchema, TypeSchema, TypeTable } from '../../packages/kubernetes/src/schema/type-table.ts';
import { readGoPackage } from './go-types.ts';
import type { GoField, GoType } from './go-types.ts';
import type { Schema } from './openapi.ts';

/** Go packages that hold the served kinds and the bodies of their subresources. */
const API_PACKAGES = [
  'apps/v1',
  'authentication/v1',
  'authorization/v1',
  'autoscaling/v1',
  'batch/v1',
  'coordination/v1',
  'core/v1',
  'discovery/v1',
  'events/v1',
  'networking/v1',
  'policy/v1',
  'rbac/v1',
  'scheduling/v1',
  'storage/v1',
];

/** Types whose JSON form is not that of their fields. */
const SPECIAL: Readonly<Record<string, string>> = {
  'meta.v1.Time': 'time',
  'meta.v1.MicroTime': 'microTime',
  'meta.v1.Duration': 'duration',
  'meta.v1.FieldsV1': 'fieldsV1',
  'resource.Quantity': 'quantity',
  'intstr.IntOrString': 'intOrString',
  'runtime.RawExtension': 'raw',
  'types.UID': 'string',
  'types.NodeName': 'string',
  'types.NamespacedName': 'string',
};
const SCALARS = new Set(['string', 'bool', 'int32', 'int64', 'float64', 'byte']);

export interface Folders {
  api: string;
  apimachinery: string;
  metrics: string;
}

/** Everything that the server must know of each type reachable from `roots`, from Go sources and OpenAPI schemas. */
export function buildTypeTable(
  folders: Folders,
  openApi: ReadonlyMap<string, Schema>,
  roots: readonly string[],
): TypeTable {
  const go = readAll(folders);
  const schemas = new Map(openApi);
  const table: TypeTable = {};
  const queue = [...roots];
  for (let name = queue.pop(); name !== undefined; name = queue.pop()) {
    const type = go.get(name);
    if (table[name] || !type || !('fields' in type)) continue;
    const schema = schemas.get(name);
    const built = buildType(type.fields, schema, go);
    table[name] = built;
    // OpenAPI flattens inlined structs, so that their fields are described by the type around them.
    for (const inline of built.inline ?? [])
      if (schema && !schemas.has(inline.type)) schemas.set(inline.type, schema);
    queue.push(...referencesOf(built));
  }
  return Object.fromEntries(Object.entries(table).sort(([a], [b]) => (a < b ? -1 : 1)));
}

function readAll(folders: Folders): Map<string, GoType> {
  const packages = [
    ...API_PACKAGES.map((path) => join(folders.api, path)),
    join(folders.apimachinery, 'pkg/apis/meta/v1'),
    join(folders.metrics, 'pkg/apis/metrics/v1beta1'),
  ];
  return new Map(packages.flatMap((folder) => [...readGoPackage(folder)]));
}

function buildType(goFields: GoField[], schema: Schema | undefined, go: Map<string, GoType>): TypeSchema {
  const type: TypeSchema = { fields: {} };
  if (schema?.['x-kubernetes-map-type'] === 'atomic') type.atomic = true;
  for (const field of goFields) {
    if (field.inline) {
      type.inline = [
        ...(type.inline ?? []),
        { type: field.goType, ...(field.number !== undefined && { number: field.number }) },
      ];
    } else {
      type.fields[field.jsonName] = buildField(field, schema, go);
    }
  }
  return type;
}

function buildField(field: GoField, schema: Schema | undefined, go: Map<string, GoType>): FieldSchema {
  const property = schema?.properties?.[field.jsonName];
  const named = namedType(field.goType, go);
  const result: FieldSchema = { type: expression(field.goType, go) };
  if (field.number !== undefined) result.number = field.number;
  if (field.omitEmpty) result.omit = true;
  if (field.pointer) result.pointer = true;
  if (named !== undefined) result.go = named;
  if (schema?.required?.includes(field.jsonName)) result.required = true;
  if (property?.['x-kubernetes-map-type'] === 'atomic') result.atomic = true;
  copyText(property, 'x-kubernetes-patch-strategy', (value) => (result.patchStrategy = value));
  copyText(property, 'x-kubernetes-patch-merge-key', (value) => (result.patchMergeKey = value));
  copyText(property, 'x-kubernetes-list-type', (value) => (result.listType = value));
  const keys: unknown = property?.['x-kubernetes-list-map-keys'];
  if (Array.isArray(keys)) result.listMapKeys = keys.map(String);
  return result;
}

function copyText(property: Schema | undefined, key: string, set: (value: string) => void): void {
  const value = property?.[key];
  if (typeof value === 'string') set(value);
}

/** Go's name of a named type that is no struct (`v1.RestartPolicy`), which error messages show. */
function namedType(goType: string, go: Map<string, GoType>): string | undefined {
  const type = go.get(goType);
  return type && 'underlying' in type ? shortGoName(goType) : undefined;
}

function shortGoName(name: string): string {
  return name.split('.').slice(-2).join('.');
}

/** `[]T`, `{}T` (a map), `#struct`, `@string` (a list that protobuf wraps in a message) or a scalar. */
function expression(goType: string, go: Map<string, GoType>): string {
  if (goType === '[]byte') return 'bytes';
  if (goType.startsWith('[]')) return `[]${expression(goType.slice(2).replace(/^\*/, ''), go)}`;
  const map = /^map\[[^\]]+\](.+)$/.exec(goType)?.[1];
  if (map !== undefined) return `{}${expression(map, go)}`;
  const special = SPECIAL[goType];
  if (special !== undefined) return special;
  if (SCALARS.has(goType)) return goType;
  const type = go.get(goType);
  if (!type) throw new Error(`unknown Go type ${goType}`);
  if ('fields' in type) return `#${goType}`;
  return type.underlying === '[]string' ? '@string' : expression(type.underlying, go);
}

function referencesOf(type: TypeSchema): string[] {
  const fields = Object.values(type.fields).map((field) => /#(.+)$/.exec(field.type)?.[1] ?? '');
  return [...fields.filter((name) => name !== ''), ...(type.inline ?? []).map((inline) => inline.type)];
}
