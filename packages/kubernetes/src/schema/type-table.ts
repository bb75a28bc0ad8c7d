import { splitApiVersion } from './catalog.ts';
import { generatedJson } from './generated-data.ts';

/** What the server knows of one field, from upstream's Go structs and OpenAPI extensions. */
export interface FieldSchema {
  /**
   * A scalar (`string`, `bool`, `int32`, `int64`, `float64`, `bytes`, `time`, `microTime`, `duration`, `quantity`, `intOrString`,
   * `raw`, `fieldsV1`), `#struct`, `[]element`, `{}value` (a map) or `@string` (a list that protobuf wraps in a message).
   */
  type: string;
  /** Protobuf field number. */
  number?: number;
  /** Go's omitempty. */
  omit?: boolean;
  /** Go keeps "unset" apart from the zero value. */
  pointer?: boolean;
  /** Go's name of the type where it is not the one of `type`; for error messages. */
  go?: string;
  required?: boolean;
  /** The map or struct is replaced as a whole by server-side apply. */
  atomic?: boolean;
  patchStrategy?: string;
  patchMergeKey?: string;
  listType?: string;
  listMapKeys?: string[];
}

export interface TypeSchema {
  fields: Record<string, FieldSchema>;
  /** Structs whose fields JSON shows as this type's own; protobuf nests them. */
  inline?: { type: string; number?: number }[];
  atomic?: boolean;
}

/** Types by name, `core.v1.PodSpec`. */
export type TypeTable = Record<string, TypeSchema>;

let loaded: TypeTable | undefined;

/** The schema of a type, or undefined when the table has none of that name. */
export function typeSchema(name: string): TypeSchema | undefined {
  loaded ??= generatedJson<TypeTable>('types.json');
  return Object.hasOwn(loaded, name) ? loaded[name] : undefined;
}

/** Name of the type of a kind, whether or not the table has it: `apps/v1`, `Deployment` to `apps.v1.Deployment`. */
export function typeNameOf(apiVersion: string, kind: string): string {
  const { group, version } = splitApiVersion(apiVersion);
  const common = META_KINDS.has(kind) ? 'meta' : undefined;
  return `${common ?? (group === '' ? 'core' : (group.split('.')[0] ?? group))}.${common ? 'v1' : version}.${kind}`;
}

/** A field by its JSON name, also of inlined structs; `owner` is the Go struct that JSON errors name. */
export function fieldSchema(type: TypeSchema, name: string): FieldSchema | undefined {
  if (Object.hasOwn(type.fields, name)) return type.fields[name];
  for (const inline of type.inline ?? []) {
    const nested = typeSchema(inline.type);
    const found = nested && fieldSchema(nested, name);
    if (found) return found;
  }
  return undefined;
}

/** The struct that a type expression names, such as `#core.v1.PodSpec` or `[]#core.v1.Container`. */
export function structOf(expression: string): string | undefined {
  const hash = expression.indexOf('#');
  return hash < 0 ? undefined : expression.slice(hash + 1);
}

/** Kinds that each group registers but that `meta/v1` defines. */
const META_KINDS = new Set(['DeleteOptions', 'CreateOptions', 'UpdateOptions', 'PatchOptions', 'Status']);
