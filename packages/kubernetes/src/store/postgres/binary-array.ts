/**
 * Arrays in PostgreSQL's binary format (array_send in arrayfuncs.c): neither side has to escape the quotes that JSON is
 * full of. `pg` sends a Buffer as a binary parameter.
 */
const textOid = 25;
const bigintOid = 20;
const headerBytes = 20;

/** A `text[]` parameter. */
export function textArray(values: readonly (string | null)[]): Buffer {
  let size = headerBytes;
  for (const value of values) size += 4 + (value === null ? 0 : Buffer.byteLength(value));
  const buffer = header(values.length, { size, oid: textOid });
  let at = headerBytes;
  for (const value of values) {
    if (value === null) {
      at = buffer.writeInt32BE(-1, at);
      continue;
    }
    const written = buffer.write(value, at + 4);
    at = buffer.writeInt32BE(written, at) + written;
  }
  return buffer;
}

/** A `bigint[]` parameter of safe integers. */
export function bigintArray(values: readonly number[]): Buffer {
  const buffer = header(values.length, { size: headerBytes + values.length * 12, oid: bigintOid });
  let at = headerBytes;
  for (const value of values) {
    at = buffer.writeInt32BE(8, at);
    at = buffer.writeBigInt64BE(BigInt(value), at);
  }
  return buffer;
}

/** Dimensions, whether there are nulls, the type, and for the one dimension its length and lower bound. */
function header(length: number, { size, oid }: { size: number; oid: number }): Buffer {
  const buffer = Buffer.allocUnsafe(length === 0 ? 12 : size);
  buffer.writeInt32BE(length === 0 ? 0 : 1, 0);
  buffer.writeInt32BE(1, 4);
  buffer.writeInt32BE(oid, 8);
  if (length === 0) return buffer;
  buffer.writeInt32BE(length, 12);
  buffer.writeInt32BE(1, 16);
  return buffer;
}
