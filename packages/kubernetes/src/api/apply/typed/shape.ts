import {
  structOf,
  fieldSchema,
  typeNameOf,
  typeSchema,
  type FieldSchema,
  type TypeSchema,
} from '../../../schema/type-table.ts';
import { isRecord } from '../../registry/object.ts';

/** How server-side apply sees a value of a kind's schema. */
export type Shape = LeafShape | StructShape | MapShape | ListShape | AnyShape;

/** A scalar, or something owned as a whole. */
interface LeafShape {
  kind: 'leaf';
}

export interface StructShape {
  kind: 'struct';
  /** Undefined for fields that the schema does not know. */
  field(name: string): StructField | undefined;
}

export interface StructField {
  shape: Shape;
  /** What Go's type holds where the field is left out; undefined for fields that can be absent. */
  zero: unknown;
}

interface MapShape {
  kind: 'map';
  element: Shape;
}

export interface ListShape {
  kind: 'list';
  element: Shape;
  /** Fields that tell elements apart; empty for a set of scalars. Sorted. */
  keys: readonly string[];
}

/** Without a schema: maps are merged, everything else is a leaf. */
interface AnyShape {
  kind: 'any';
}

const leafShape: LeafShape = { kind: 'leaf' };
const anyShape: AnyShape = { kind: 'any' };
const anyMap: MapShape = { kind: 'map', element: anyShape };

const structs = new Map<string, Shape>();
const fields = new WeakMap<FieldSchema, StructField>();

/** The shape of a kind; free-form when it has no schema. */
export function shapeOfKind(apiVersion: string, kind: string): Shape {
  return structShape(typeNameOf(apiVersion, kind));
}

/** The shape of what lies in a map or struct under a key; undefined for unknown fields of a struct. */
export function childShape(shape: Shape, name: string): Shape | undefined {
  switch (shape.kind) {
    case 'struct':
      return shape.field(name)?.shape;
    case 'map':
      return shape.element;
    default:
      return anyShape;
  }
}

/** Settles free-form values. */
export function resolve(shape: Shape, value: unknown): Exclude<Shape, AnyShape> {
  if (shape.kind !== 'any') return shape;
  return isRecord(value) ? anyMap : leafShape;
}

function structShape(name: string): Shape {
  const known = structs.get(name);
  if (known) return known;
  const type = typeSchema(name);
  const shape = type ? shapeOfStruct(type) : anyShape;
  structs.set(name, shape);
  return shape;
}

function shapeOfStruct(type: TypeSchema): Shape {
  if (type.atomic === true) return leafShape;
  return {
    kind: 'struct',
    field(name) {
      const schema = fieldSchema(type, name);
      if (!schema) return undefined;
      const known = fields.get(schema);
      if (known) return known;
      const field = { shape: shapeOf(schema.type, schema), zero: zeroOf(schema) };
      fields.set(schema, field);
      return field;
    },
  };
}

function shapeOf(type: string, field?: FieldSchema): Shape {
  if (field?.atomic === true) return leafShape;
  if (type.startsWith('[]')) {
    if (field?.listType === 'map')
      return { kind: 'list', element: shapeOf(type.slice(2)), keys: [...(field.listMapKeys ?? [])].sort() };
    return field?.listType === 'set' ? { kind: 'list', element: leafShape, keys: [] } : leafShape;
  }
  if (type.startsWith('{}')) return { kind: 'map', element: shapeOf(type.slice(2)) };
  const struct = structOf(type);
  if (struct !== undefined) return structShape(struct);
  // Free-form data of another kind (`raw`) is owned as a whole, which bounds how deep a set can be.
  return leafShape;
}

/** Upstream compares Go values: a struct that is no pointer is always there, and what has no omitempty is at least null. */
function zeroOf({ type, omit, pointer }: FieldSchema): unknown {
  if (type.startsWith('#') && pointer !== true) return {};
  if (omit === true) return undefined;
  if (pointer === true || type.startsWith('[]') || type.startsWith('{}')) return null;
  return scalarZeros.get(type);
}

const scalarZeros = new Map<string, unknown>([
  ['string', ''],
  ['bool', false],
  ['int32', 0],
  ['int64', 0],
  ['float64', 0],
]);
