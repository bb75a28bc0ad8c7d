import { ProtobufError, WireReader } from './protobuf/wire.ts';
import { decodeSpecial } from './protobuf/special.ts';
import { structOf, typeNameOf, typeSchema } from './type-table.ts';
import type { FieldSchema, TypeSchema } from './type-table.ts';

export { ProtobufError } from './protobuf/wire.ts';

/** A decoded body: the kind comes from the envelope, everything else from the type's fields. */
export interface DecodedObject {
  apiVersion: string;
  kind: string;
  [field: string]: unknown;
}

const MAGIC = Buffer.from('k8s\0', 'latin1');

/** Whether a body carries Kubernetes' protobuf envelope. */
export function isProtobuf(body: Buffer): boolean {
  return body.subarray(0, MAGIC.length).equals(MAGIC);
}

/**
 * Reads `application/vnd.kubernetes.protobuf`: the magic `k8s\0` and a `runtime.Unknown` around the object. Gives the JSON form that
 * the same object has. Zero values of `omitempty` fields that Go cannot tell from unset are dropped: gogo encoders write
 * them, and `namespace: ""` must not override what the URL says. Throws `ProtobufError`.
 */
export function decodeProtobuf(body: Buffer): DecodedObject {
  if (!isProtobuf(body))
    throw new ProtobufError(
      'provided data does not appear to be a protobuf message, expected prefix [107 56 115 0]',
    );
  const { apiVersion, kind, raw } = decodeEnvelope(body.subarray(MAGIC.length));
  const type = typeSchema(typeNameOf(apiVersion, kind));
  if (!type) throw new ProtobufError(`no kind "${kind}" is registered for version "${apiVersion}"`);
  return { kind, apiVersion, ...decodeMessage(raw, type) };
}

interface Envelope {
  apiVersion: string;
  kind: string;
  raw: Buffer;
}

function decodeEnvelope(body: Buffer): Envelope {
  const envelope: Envelope = { apiVersion: '', kind: '', raw: Buffer.alloc(0) };
  const reader = new WireReader(body);
  while (reader.next()) {
    if (reader.field === 1) {
      const typeMeta = new WireReader(reader.bytes());
      while (typeMeta.next()) {
        if (typeMeta.field === 1) envelope.apiVersion = typeMeta.text();
        else if (typeMeta.field === 2) envelope.kind = typeMeta.text();
        else typeMeta.skip();
      }
    } else if (reader.field === 2) envelope.raw = reader.bytes();
    else reader.skip();
  }
  return envelope;
}

interface NumberedField {
  name: string;
  schema: FieldSchema;
}

interface Numbered {
  fields: Map<number, NumberedField>;
  inline: Map<number, TypeSchema>;
}

const numberedTypes = new WeakMap<TypeSchema, Numbered>();

function numbered(type: TypeSchema): Numbered {
  const known = numberedTypes.get(type);
  if (known) return known;
  const result: Numbered = { fields: new Map(), inline: new Map() };
  for (const [name, schema] of Object.entries(type.fields)) {
    if (schema.number !== undefined) result.fields.set(schema.number, { name, schema });
  }
  for (const { number, type: name } of type.inline ?? []) {
    const nested = typeSchema(name);
    if (number !== undefined && nested) result.inline.set(number, nested);
  }
  numberedTypes.set(type, result);
  return result;
}

function decodeMessage(bytes: Buffer, type: TypeSchema): Record<string, unknown> {
  const { fields, inline } = numbered(type);
  const object: Record<string, unknown> = {};
  const reader = new WireReader(bytes);
  while (reader.next()) {
    const nested = inline.get(reader.field);
    const field = fields.get(reader.field);
    if (nested) Object.assign(object, decodeMessage(reader.bytes(), nested));
    else if (field) decodeField(reader, field, object);
    else reader.skip();
  }
  return object;
}

function decodeField(
  reader: WireReader,
  { name, schema }: NumberedField,
  object: Record<string, unknown>,
): void {
  if (schema.type.startsWith('[]')) {
    const existing = object[name];
    const list: unknown[] = Array.isArray(existing) ? existing : [];
    object[name] = list;
    decodeElement(reader, schema.type.slice(2), list);
  } else if (schema.type.startsWith('{}')) {
    const existing = object[name];
    const map = existing instanceof Object ? existing : {};
    object[name] = map;
    decodeEntry(reader.bytes(), schema.type.slice(2), map);
  } else {
    const value = decodeValue(reader, schema.type);
    if (value !== undefined && !droppedZero(value, schema)) object[name] = value;
  }
}

function decodeElement(reader: WireReader, element: string, list: unknown[]): void {
  const packed = reader.wireType === 2 && /^(int32|int64|bool)$/.test(element);
  if (!packed) {
    list.push(decodeValue(reader, element));
    return;
  }
  for (const value of reader.packedIntegers()) list.push(element === 'bool' ? value !== 0 : value);
}

function decodeEntry(bytes: Buffer, valueType: string, map: object): void {
  const reader = new WireReader(bytes);
  let key = '';
  let value: unknown = emptyValue(valueType);
  while (reader.next()) {
    if (reader.field === 1) key = reader.text();
    else if (reader.field === 2) value = decodeValue(reader, valueType) ?? null;
    else reader.skip();
  }
  Object.defineProperty(map, key, { value, enumerable: true, configurable: true, writable: true });
}

function emptyValue(type: string): unknown {
  if (type === 'string' || type === 'bytes') return '';
  return type.startsWith('@') ? [] : {};
}

function decodeValue(reader: WireReader, type: string): unknown {
  const struct = structOf(type);
  if (struct !== undefined) {
    const nested = typeSchema(struct);
    if (!nested) throw new ProtobufError(`no schema for ${struct}`);
    return decodeMessage(reader.bytes(), nested);
  }
  if (type === 'string') return reader.text();
  if (type === 'int32' || type === 'int64') return reader.integer();
  if (type === 'bool') return reader.integer() !== 0;
  if (type === 'float64') return reader.double();
  return decodeSpecial(type, reader.bytes());
}

function droppedZero(value: unknown, schema: FieldSchema): boolean {
  if (schema.pointer === true || schema.omit !== true) return false;
  return value === '' || value === 0 || value === false;
}
