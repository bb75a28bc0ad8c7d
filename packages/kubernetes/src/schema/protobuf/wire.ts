/** Thrown for bytes that are no valid protobuf message. Becomes 400 Bad Request. */
export class ProtobufError extends Error {
  constructor(message: string) {
    super(message);
    this.name = 'ProtobufError';
  }
}

/** Walks over the fields of one message (protobuf wire format). Call `next`, then exactly one reading method or `skip`. */
export class WireReader {
  field = 0;
  wireType = 0;
  readonly #bytes: Buffer;
  #position = 0;

  constructor(bytes: Buffer) {
    this.#bytes = bytes;
  }

  /** Moves to the next field; false at the end. */
  next(): boolean {
    if (this.#position >= this.#bytes.length) return false;
    const tag = Number(this.#varint());
    this.field = tag >>> 3;
    this.wireType = tag & 7;
    return true;
  }

  /** A length-delimited field: a message, a string or bytes. */
  bytes(): Buffer {
    this.#expect(2);
    const length = Number(this.#varint());
    return this.#take(length);
  }

  text(): string {
    return this.bytes().toString('utf8');
  }

  /** A signed varint. Values beyond 2⁵³ lose precision, as everywhere in JSON on JavaScript. */
  integer(): number {
    this.#expect(0);
    return Number(BigInt.asIntN(64, this.#varint()));
  }

  double(): number {
    this.#expect(1);
    return this.#take(8).readDoubleLE();
  }

  packedIntegers(): number[] {
    const packed = new WireReader(this.bytes());
    const values: number[] = [];
    while (packed.#position < packed.#bytes.length) values.push(Number(BigInt.asIntN(64, packed.#varint())));
    return values;
  }

  skip(): void {
    if (this.wireType === 0) this.#varint();
    else if (this.wireType === 1) this.#take(8);
    else if (this.wireType === 2) this.bytes();
    else if (this.wireType === 5) this.#take(4);
    else throw new ProtobufError(`proto: illegal wireType ${this.wireType}`);
  }

  #expect(wireType: number): void {
    if (this.wireType !== wireType)
      throw new ProtobufError(`proto: wrong wireType = ${this.wireType} for field ${this.field}`);
  }

  #take(length: number): Buffer {
    const end = this.#position + length;
    if (end > this.#bytes.length) throw new ProtobufError('unexpected EOF');
    const taken = this.#bytes.subarray(this.#position, end);
    this.#position = end;
    return taken;
  }

  #varint(): bigint {
    let result = 0n;
    for (let shift = 0n; shift < 70n; shift += 7n) {
      const byte = this.#bytes[this.#position];
      if (byte === undefined) throw new ProtobufError('unexpected EOF');
      this.#position += 1;
      result |= BigInt(byte & 0x7f) << shift;
      if (byte < 0x80) return result;
    }
    throw new ProtobufError('proto: integer overflow');
  }
}
