import { ProtobufError, WireReader } from './wire.ts';

/** Decodes types whose JSON form is not that of their message. Undefined stands for null (the zero time). */
export function decodeSpecial(type: string, bytes: Buffer): unknown {
  switch (type) {
    case 'bytes':
      return bytes.toString('base64');
    case 'time':
      return decodeTime(bytes, 0);
    case 'microTime':
      return decodeTime(bytes, 6);
    case 'duration':
      return `${numbers(bytes).get(1) ?? 0}ns`;
    case 'quantity':
      return texts(bytes).get(1) ?? '0';
    case 'intOrString':
      return decodeIntOrString(bytes);
    case 'raw':
    case 'fieldsV1':
      return decodeRaw(bytes);
    case '@string':
      return decodeWrappedList(bytes);
    default:
      throw new ProtobufError(`no decoder for ${type}`);
  }
}

/** RFC 3339 in UTC; `metav1.Time` has whole seconds, `metav1.MicroTime` always six digits. */
function decodeTime(bytes: Buffer, digits: 0 | 6): string | undefined {
  if (bytes.length === 0) return undefined;
  const fields = numbers(bytes);
  const seconds = new Date((fields.get(1) ?? 0) * 1_000).toISOString().slice(0, 19);
  if (digits === 0) return `${seconds}Z`;
  const micros = Math.floor((fields.get(2) ?? 0) / 1_000);
  return `${seconds}.${String(micros).padStart(6, '0')}Z`;
}

function decodeIntOrString(bytes: Buffer): number | string {
  const integers = numbers(bytes);
  return integers.get(1) === 1 ? (texts(bytes).get(3) ?? '') : (integers.get(2) ?? 0);
}

function decodeRaw(bytes: Buffer): unknown {
  const reader = new WireReader(bytes);
  let raw = '';
  while (reader.next()) {
    if (reader.field === 1) raw = reader.text();
    else reader.skip();
  }
  if (raw === '') return undefined;
  try {
    return JSON.parse(raw);
  } catch (error) {
    throw new ProtobufError(`raw extension is not JSON: ${String(error)}`);
  }
}

function decodeWrappedList(bytes: Buffer): string[] {
  const reader = new WireReader(bytes);
  const items: string[] = [];
  while (reader.next()) {
    if (reader.field === 1) items.push(reader.text());
    else reader.skip();
  }
  return items;
}

function numbers(bytes: Buffer): Map<number, number> {
  const found = new Map<number, number>();
  const reader = new WireReader(bytes);
  while (reader.next()) {
    if (reader.wireType === 0) found.set(reader.field, reader.integer());
    else reader.skip();
  }
  return found;
}

function texts(bytes: Buffer): Map<number, string> {
  const found = new Map<number, string>();
  const reader = new WireReader(bytes);
  while (reader.next()) {
    if (reader.wireType === 2) found.set(reader.field, reader.text());
    else reader.skip();
  }
  return found;
}
