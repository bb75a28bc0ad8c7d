/** How a quantity is written: `1Gi`, `100m`/`2k`, or `1e3`. Kept through arithmetic, as upstream does. */
export type QuantityFormat = 'BinarySI' | 'DecimalSI' | 'DecimalExponent';

/** `resource.Quantity` (k8s.io/apimachinery/pkg/api/resource): an exact number with nano precision. */
export interface Quantity {
  /** The amount in units of 10⁻⁹. */
  nano: bigint;
  format: QuantityFormat;
}

/** Thrown for text that is no quantity, with upstream's wording. */
export class QuantityError extends Error {
  constructor(message: string) {
    super(message);
    this.name = 'QuantityError';
  }
}

const NANO = 1_000_000_000n;
const SHAPE = /^([+-]?)([0-9]*)(?:\.([0-9]*))?([eEinumkKMGTP]*)([-+]?[0-9]*)$/;
const WRONG_FORMAT =
  "quantities must match the regular expression '^([+-]?[0-9.]+)([eEinumkKMGTP]*[-+]?[0-9]*)$'";
const WRONG_SUFFIX = "unable to parse quantity's suffix";

const DECIMAL_SUFFIXES = new Map([
  ['n', -9],
  ['u', -6],
  ['m', -3],
  ['', 0],
  ['k', 3],
  ['M', 6],
  ['G', 9],
  ['T', 12],
  ['P', 15],
  ['E', 18],
]);
const SUFFIX_OF_EXPONENT = new Map([...DECIMAL_SUFFIXES].map(([suffix, exponent]) => [exponent, suffix]));
const BINARY_SUFFIXES = ['', 'Ki', 'Mi', 'Gi', 'Ti', 'Pi', 'Ei'];

/** Reads `500m`, `1.5Gi`, `1e3` or a JSON number. Finer than nano rounds away from zero. Throws `QuantityError`. */
export function parseQuantity(input: string | number): Quantity {
  const match = SHAPE.exec(String(input).trim());
  const whole = match?.[2] ?? '';
  const fraction = match?.[3] ?? '';
  if (!match || whole + fraction === '') throw new QuantityError(WRONG_FORMAT);
  const { numerator, denominator, format } = scaleOf(match[4] ?? '', match[5] ?? '');
  const digits = BigInt(whole + fraction) * NANO * numerator;
  const divisor = denominator * 10n ** BigInt(fraction.length);
  const amount = (digits + divisor - 1n) / divisor;
  const nano = match[1] === '-' ? -amount : amount;
  return { nano, format: format === 'BinarySI' && amount > 0n && amount < NANO ? 'DecimalSI' : format };
}

/** Like `parseQuantity`, or undefined when the value is no quantity. */
export function tryParseQuantity(input: unknown): Quantity | undefined {
  if (typeof input !== 'string' && typeof input !== 'number') return undefined;
  try {
    return parseQuantity(input);
  } catch (error) {
    if (error instanceof QuantityError) return undefined;
    throw error;
  }
}

/** The canonical text, as the API server stores it: `0.5` becomes `500m`, `1024Mi` becomes `1Gi`. */
export function formatQuantity({ nano, format }: Quantity): string {
  if (nano === 0n) return '0';
  const integral = nano % NANO === 0n;
  const small = nano > -1024n * NANO && nano < 1024n * NANO;
  if (format === 'BinarySI' && integral && !small) return formatBinary(nano / NANO);
  return formatDecimal(nano, format === 'DecimalExponent');
}

/** The canonical text of any quantity text. Throws `QuantityError`. */
export function canonicalQuantity(input: string | number): string {
  return formatQuantity(parseQuantity(input));
}

/** Negative when `a` is less than `b`, 0 when equal. */
export function cmp(a: Quantity, b: Quantity): number {
  return a.nano < b.nano ? -1 : a.nano > b.nano ? 1 : 0;
}

/** The sum, in the format of `a` unless `a` is zero. */
export function add(a: Quantity, b: Quantity): Quantity {
  return { nano: a.nano + b.nano, format: a.nano === 0n ? b.format : a.format };
}

/** The difference, in the format of `a` unless `a` is zero. */
export function sub(a: Quantity, b: Quantity): Quantity {
  return { nano: a.nano - b.nano, format: a.nano === 0n ? b.format : a.format };
}

/** Thousandths (milli-cores), rounded up like `Quantity.MilliValue`. */
export function milliValue(quantity: Quantity): number {
  return Number(divideUp(quantity.nano, 1_000_000n));
}

/** Whole units (bytes, pods), rounded up like `Quantity.Value`. */
export function wholeValue(quantity: Quantity): number {
  return Number(divideUp(quantity.nano, NANO));
}

/** A quantity of whole units; bytes are usually `BinarySI`. */
export function quantityOf(value: number, format: QuantityFormat = 'DecimalSI'): Quantity {
  return { nano: BigInt(Math.round(value)) * NANO, format };
}

interface Scale {
  numerator: bigint;
  denominator: bigint;
  format: QuantityFormat;
}

function scaleOf(suffix: string, exponentText: string): Scale {
  const binary = BINARY_SUFFIXES.indexOf(suffix);
  if (binary > 0 && exponentText === '') {
    return { numerator: 1024n ** BigInt(binary), denominator: 1n, format: 'BinarySI' };
  }
  if ((suffix === 'e' || suffix === 'E') && /[0-9]/.test(exponentText)) {
    return { ...powerOfTen(Number(exponentText)), format: 'DecimalExponent' };
  }
  const exponent = exponentText === '' ? DECIMAL_SUFFIXES.get(suffix) : undefined;
  if (exponent === undefined) throw new QuantityError(WRONG_SUFFIX);
  return { ...powerOfTen(exponent), format: 'DecimalSI' };
}

function powerOfTen(exponent: number): { numerator: bigint; denominator: bigint } {
  // Exponents beyond the range of an int64 mantissa would only serve to exhaust memory.
  if (Math.abs(exponent) > 1_000) throw new QuantityError(WRONG_SUFFIX);
  const power = 10n ** BigInt(Math.abs(exponent));
  return exponent < 0 ? { numerator: 1n, denominator: power } : { numerator: power, denominator: 1n };
}

function formatBinary(value: bigint): string {
  let mantissa = value;
  let power = 0;
  while (power < BINARY_SUFFIXES.length - 1 && mantissa % 1024n === 0n) {
    mantissa /= 1024n;
    power += 1;
  }
  return `${mantissa}${BINARY_SUFFIXES[power] ?? ''}`;
}

function formatDecimal(nano: bigint, scientific: boolean): string {
  let mantissa = nano;
  let exponent = -9;
  while (exponent < 18 && mantissa % 1000n === 0n) {
    mantissa /= 1000n;
    exponent += 3;
  }
  if (scientific) return exponent === 0 ? `${mantissa}` : `${mantissa}e${exponent}`;
  return `${mantissa}${SUFFIX_OF_EXPONENT.get(exponent) ?? ''}`;
}

function divideUp(value: bigint, divisor: bigint): bigint {
  const quotient = value / divisor;
  if (value % divisor === 0n) return quotient;
  return value > 0n ? quotient + 1n : quotient - 1n;
}
