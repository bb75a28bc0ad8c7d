import { QuantityError, parseQuantity } from './quantity.ts';

/** How Go's decoder describes a scalar that does not fit: the seen value, or the whole text of a custom decoder. */
export interface Mismatch {
  value: string;
  custom?: string;
}

const INT32 = 2 ** 31;

/** Whether a JSON value fits a scalar type of the type table, and if not, what Go would say. */
export function describeMismatch(value: unknown, type: string): Mismatch | undefined {
  switch (type) {
    case 'string':
    case 'duration':
      return typeof value === 'string' ? undefined : { value: jsonKind(value) };
    case 'bool':
      return typeof value === 'boolean' ? undefined : { value: jsonKind(value) };
    case 'int32':
    case 'int64':
      return describeInteger(value, type);
    case 'float64':
      return typeof value === 'number' ? undefined : { value: jsonKind(value) };
    case 'bytes':
      return describeBytes(value);
    case 'quantity':
      return describeQuantity(value);
    case 'intOrString':
      return describeIntOrString(value);
    case 'time':
    case 'microTime':
      return describeTime(value, type);
    default:
      return undefined;
  }
}

function jsonKind(value: unknown): string {
  if (Array.isArray(value)) return 'array';
  if (typeof value === 'boolean') return 'bool';
  return typeof value;
}

function describeInteger(value: unknown, type: 'int32' | 'int64'): Mismatch | undefined {
  if (typeof value !== 'number') return { value: jsonKind(value) };
  const fits = Number.isSafeInteger(value) && (type === 'int64' || (value >= -INT32 && value < INT32));
  return fits ? undefined : { value: `number ${value}` };
}

function describeBytes(value: unknown): Mismatch | undefined {
  if (typeof value !== 'string') return { value: jsonKind(value) };
  const text = value.replaceAll(/[\r\n]/g, '');
  const bad = /[^A-Za-z0-9+/=]/.exec(text);
  if (bad) return { value: 'string', custom: `illegal base64 data at input byte ${bad.index}` };
  const shape = /^[A-Za-z0-9+/]*={0,2}$/.test(text) && text.length % 4 === 0;
  return shape
    ? undefined
    : {
        value: 'string',
        custom: `illegal base64 data at input byte ${Math.max(0, text.length - (text.length % 4))}`,
      };
}

function describeQuantity(value: unknown): Mismatch | undefined {
  const text = typeof value === 'string' || typeof value === 'number' ? value : JSON.stringify(value);
  try {
    parseQuantity(text);
    return undefined;
  } catch (error) {
    if (error instanceof QuantityError) return { value: jsonKind(value), custom: error.message };
    throw error;
  }
}

function describeIntOrString(value: unknown): Mismatch | undefined {
  if (typeof value === 'string') return undefined;
  const integer = describeInteger(value, 'int32');
  return (
    integer && { ...integer, custom: `json: cannot unmarshal ${integer.value} into Go value of type int32` }
  );
}

const RFC3339 = /^\d{4}-\d{2}-\d{2}T\d{2}:\d{2}:\d{2}([.,]\d+)?(Z|[+-]\d{2}:\d{2})$/;

function describeTime(value: unknown, type: 'time' | 'microTime'): Mismatch | undefined {
  if (typeof value !== 'string') {
    return {
      value: jsonKind(value),
      custom: `json: cannot unmarshal ${jsonKind(value)} into Go value of type string`,
    };
  }
  if (RFC3339.test(value) && !Number.isNaN(Date.parse(value.replace(',', '.')))) return undefined;
  const layout = type === 'time' ? '2006-01-02T15:04:05Z07:00' : '2006-01-02T15:04:05.000000Z07:00';
  const quoted = JSON.stringify(value);
  return {
    value: 'string',
    custom: `parsing time ${quoted} as ${JSON.stringify(layout)}: cannot parse ${quoted} as "2006"`,
  };
}
