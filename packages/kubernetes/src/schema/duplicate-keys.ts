/** What a scan of JSON text found. */
export interface ScanResult {
  /** `duplicate field "spec.replicas"`, in the order of the text, at most 100 as upstream. */
  duplicates: string[];
  /** The first integer beyond ±2⁵³, which JavaScript would round. */
  unsafeInteger: string | undefined;
}

const REPORT_MAX = 100;

interface Frame {
  path: string;
  /** Keys seen in an object; undefined in an array. */
  keys: Set<string> | undefined;
  index: number;
  key: string;
}

/** Finds duplicate keys in text that `JSON.parse` accepts; what it does with other text is not defined. */
export function findDuplicates(text: string): ScanResult {
  const result: ScanResult = { duplicates: [], unsafeInteger: undefined };
  const frames: Frame[] = [];
  for (let at = 0; at < text.length;) {
    const char = text.charCodeAt(at);
    const frame = frames.at(-1);
    if (char === QUOTE) {
      const end = endOfString(text, at);
      if (frame?.keys && nextSignificant(text, end) === COLON) enterKey(frame, text.slice(at, end), result);
      at = end;
    } else if (char === OPEN_BRACE || char === OPEN_BRACKET) {
      frames.push({
        path: childPath(frame),
        keys: char === OPEN_BRACE ? new Set() : undefined,
        index: 0,
        key: '',
      });
      at += 1;
    } else if (char === MINUS || (char >= ZERO && char <= NINE)) {
      const number = numberAt(text, at);
      if (number.length > 15 && isUnsafeInteger(number)) result.unsafeInteger ??= number;
      at += number.length;
    } else {
      if (char === CLOSE_BRACE || char === CLOSE_BRACKET) frames.pop();
      else if (char === COMMA && frame) frame.index += 1;
      at += 1;
    }
  }
  return result;
}

const QUOTE = 34;
const BACKSLASH = 92;
const COLON = 58;
const COMMA = 44;
const MINUS = 45;
const ZERO = 48;
const NINE = 57;
const OPEN_BRACE = 123;
const CLOSE_BRACE = 125;
const OPEN_BRACKET = 91;
const CLOSE_BRACKET = 93;

function enterKey(frame: Frame, literal: string, result: ScanResult): void {
  const key = literal.includes('\\') ? String(JSON.parse(literal)) : literal.slice(1, -1);
  frame.key = key;
  if (frame.keys?.has(key) && result.duplicates.length < REPORT_MAX) {
    result.duplicates.push(
      `duplicate field ${JSON.stringify(frame.path === '' ? key : `${frame.path}.${key}`)}`,
    );
  }
  frame.keys?.add(key);
}

function childPath(frame: Frame | undefined): string {
  if (!frame) return '';
  if (!frame.keys) return `${frame.path}[${frame.index}]`;
  return frame.path === '' ? frame.key : `${frame.path}.${frame.key}`;
}

function endOfString(text: string, start: number): number {
  for (let at = start + 1; at < text.length; at += 1) {
    const char = text.charCodeAt(at);
    if (char === BACKSLASH) at += 1;
    else if (char === QUOTE) return at + 1;
  }
  return text.length;
}

function nextSignificant(text: string, start: number): number {
  let at = start;
  while (at < text.length && text.charCodeAt(at) <= 32) at += 1;
  return text.charCodeAt(at);
}

function numberAt(text: string, start: number): string {
  let end = start + 1;
  while (end < text.length && '0123456789.eE+-'.includes(text.charAt(end))) end += 1;
  return text.slice(start, end);
}

function isUnsafeInteger(number: string): boolean {
  return /^-?\d+$/.test(number) && !Number.isSafeInteger(Number(number));
}
