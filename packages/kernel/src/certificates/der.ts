/** The little of DER (ITU-T X.690) that certificates need. Each function answers one complete element. */
const tags = {
  boolean: 0x01,
  integer: 0x02,
  bitString: 0x03,
  octetString: 0x04,
  objectIdentifier: 0x06,
  utf8String: 0x0c,
  utcTime: 0x17,
  sequence: 0x30,
  set: 0x31,
} as const;

/** An element of any tag: context-specific ones are given as their byte (`0xa0` for `[0] EXPLICIT`). */
export function element(tag: number, content: Uint8Array): Buffer {
  const { length } = content;
  const header =
    length < 0x80
      ? [tag, length]
      : length < 0x100
        ? [tag, 0x81, length]
        : [tag, 0x82, length >> 8, length & 0xff];
  return Buffer.concat([Buffer.from(header), content]);
}

export const sequence = (...items: Uint8Array[]) => element(tags.sequence, Buffer.concat(items));
export const set = (...items: Uint8Array[]) => element(tags.set, Buffer.concat(items));
export const octetString = (content: Uint8Array) => element(tags.octetString, content);
export const utf8String = (text: string) => element(tags.utf8String, Buffer.from(text));
export const boolean = (value: boolean) => element(tags.boolean, Buffer.from([value ? 0xff : 0]));

/** `unused` bits at the end of the last byte do not count. */
export const bitString = (content: Uint8Array, unused = 0) =>
  element(tags.bitString, Buffer.concat([Buffer.from([unused]), content]));

/** A positive integer, most significant byte first; the first bit must be 0 and the first byte not. */
export const integer = (bytes: Uint8Array) => element(tags.integer, bytes);

/** `1.2.840.10045.4.3.2`. */
export function objectIdentifier(dotted: string): Buffer {
  const [first = 0, second = 0, ...rest] = dotted.split('.').map(Number);
  return element(tags.objectIdentifier, Buffer.from([first * 40 + second, ...rest.flatMap(base128)]));
}

/** RFC 5280 §4.1.2.5.1: UTC, good until 2049. */
export function utcTime(atMs: number): Buffer {
  const digits = new Date(atMs)
    .toISOString()
    .replace(/[-:T]|\.\d+/g, '')
    .slice(2);
  return element(tags.utcTime, Buffer.from(digits));
}

function base128(value: number): number[] {
  const bytes = [value & 0x7f];
  for (let rest = value >> 7; rest > 0; rest >>= 7) bytes.unshift((rest & 0x7f) | 0x80);
  return bytes;
}
