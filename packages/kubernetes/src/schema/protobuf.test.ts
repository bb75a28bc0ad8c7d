import { gunzipSync } from 'node:zlib';
import { describe, expect, it } from 'vitest';
import { generatedBytes } from './generated-data.ts';
import { decodeProtobuf, isProtobuf, ProtobufError } from './protobuf.ts';

/** One of upstream's serialization fixtures: the same object in both encodings, every field set. */
export interface Golden {
  protobuf: string;
  json: unknown;
}

const goldens: Record<string, Golden> = JSON.parse(
  gunzipSync(generatedBytes('goldens.test-data.json.gz')).toString('utf8'),
);

describe("upstream's golden objects decode to their JSON form", () => {
  it.each(Object.keys(goldens))('%s', (name) => {
    const golden = goldens[name];
    expect(decodeProtobuf(Buffer.from(golden?.protobuf ?? '', 'base64'))).toEqual(golden?.json);
  });

  it('cover nearly every kind', () => {
    expect(Object.keys(goldens).length).toBeGreaterThan(45);
  });
});

describe('bodies as clients send them', () => {
  it('do not carry the zero values that gogo encoders write', () => {
    const meta = Buffer.concat([text(1, 'web'), text(2, ''), text(3, ''), Buffer.from([7 << 3, 0])]);
    const spec = Buffer.from([1 << 3, 0]);
    const raw = Buffer.concat([field(1, meta), field(2, spec)]);
    expect(decodeProtobuf(envelope('apps/v1', 'Deployment', raw))).toEqual({
      apiVersion: 'apps/v1',
      kind: 'Deployment',
      metadata: { name: 'web' },
      // `replicas` is a pointer in Go: an explicit zero is not "unset".
      spec: { replicas: 0 },
    });
  });

  it('are refused when they are cut short', () => {
    const whole = envelope('v1', 'Pod', field(1, text(1, 'web')));
    expect(() => decodeProtobuf(whole.subarray(0, whole.length - 2))).toThrow(ProtobufError);
  });

  it('are refused when the kind is unknown or the magic is missing', () => {
    expect(() => decodeProtobuf(envelope('v1', 'Nope', Buffer.alloc(0)))).toThrow(
      'no kind "Nope" is registered for version "v1"',
    );
    expect(isProtobuf(Buffer.from('{}'))).toBe(false);
    expect(() => decodeProtobuf(Buffer.from('{}'))).toThrow(ProtobufError);
  });
});

function field(number: number, bytes: Buffer): Buffer {
  return Buffer.concat([Buffer.from([(number << 3) | 2, bytes.length]), bytes]);
}

function text(number: number, value: string): Buffer {
  return field(number, Buffer.from(value));
}

function envelope(apiVersion: string, kind: string, raw: Buffer): Buffer {
  return Buffer.concat([
    Buffer.from('k8s\0'),
    field(1, Buffer.concat([text(1, apiVersion), text(2, kind)])),
    field(2, raw),
  ]);
}
