import { describe, expect, it } from 'vitest';
import {
  BodyError,
  cannotBeHandled,
  checkFields,
  parseStrict,
  parseYaml,
  strictDecodingError,
} from './strict.ts';

function messages(object: object, kind = 'Deployment', apiVersion = 'apps/v1'): string[] {
  return checkFields(apiVersion, kind, { apiVersion, kind, ...object }).map(({ message }) => message);
}

describe('bodies', () => {
  it('report duplicate keys with their path', () => {
    const { value, duplicates } = parseStrict(
      '{"a":1,"spec":{"x":[{"k":1},{"k":1,"\\u006b":2}]},"a":{"b":1,"b":2}}',
    );
    expect(duplicates).toEqual([
      'duplicate field "spec.x[1].k"',
      'duplicate field "a"',
      'duplicate field "a.b"',
    ]);
    expect(value).toMatchObject({ a: { b: 2 } });
  });

  it('are not fooled by braces, quotes and colons within strings', () => {
    expect(parseStrict('{"a":"x\\"}: {","b":["a:",{"a":"b"}],"c":-1.5e3}').duplicates).toEqual([]);
  });

  it('never lose precision of an integer', () => {
    expect(() => parseStrict('{"a":9007199254740993}')).toThrow(BodyError);
    expect(parseStrict('{"a":9007199254740991,"b":0.123456789012345}').value).toEqual({
      a: 9007199254740991,
      b: 0.123456789012345,
    });
  });

  it('that are no JSON are refused', () => {
    expect(() => parseStrict('{"a":')).toThrow(BodyError);
  });

  it('may be YAML, read as Go reads it', () => {
    const { value, duplicates } = parseYaml('a: yes\nb: 2020-01-01\nc: 1:30\nd: 0o7\na: off\n');
    expect(value).toEqual({ a: false, b: '2020-01-01', c: '1:30', d: '0o7' });
    expect(duplicates).toEqual(['line 5: key "a" already set in map']);
    expect(parseYaml('{"a":1,"a":2}').duplicates).toEqual(['duplicate field "a"']);
    expect(() => parseYaml('a: [')).toThrow(BodyError);
  });
});

describe('fields', () => {
  it('unknown ones are named with their path', () => {
    const container = { name: 'a', image: 'b', imagee: 'c', ports: [{ containerPort: 80, foo: 1 }] };
    expect(
      messages({ spec: { foo: 1, template: { spec: { containers: [container] } } }, extra: null }),
    ).toEqual([
      'unknown field "spec.foo"',
      'unknown field "spec.template.spec.containers[0].imagee"',
      'unknown field "spec.template.spec.containers[0].ports[0].foo"',
      'unknown field "extra"',
    ]);
  });

  it('of inlined structs are known', () => {
    const volumes = [
      { name: 'v', emptyDir: {} },
      { name: 's', secret: { secretName: 'x', items: [{ key: 'a', path: 'b' }] } },
    ];
    expect(messages({ spec: { volumes, containers: [] } }, 'Pod', 'v1')).toEqual([]);
  });

  it.each([
    [
      { spec: { replicas: 'x' } },
      'json: cannot unmarshal string into Go struct field DeploymentSpec.spec.replicas of type int32',
    ],
    [
      { spec: { replicas: 1.5 } },
      'json: cannot unmarshal number 1.5 into Go struct field DeploymentSpec.spec.replicas of type int32',
    ],
    [
      { spec: { replicas: 3e9 } },
      'json: cannot unmarshal number 3000000000 into Go struct field DeploymentSpec.spec.replicas of type int32',
    ],
    [
      { spec: [] },
      'json: cannot unmarshal array into Go struct field Deployment.spec of type v1.DeploymentSpec',
    ],
    [
      { metadata: { labels: { a: 1 } } },
      'json: cannot unmarshal number into Go struct field ObjectMeta.metadata.labels of type string',
    ],
    [
      { metadata: { labels: [] } },
      'json: cannot unmarshal array into Go struct field ObjectMeta.metadata.labels of type map[string]string',
    ],
    [
      { spec: { template: { spec: { containers: {} } } } },
      'json: cannot unmarshal object into Go struct field PodSpec.spec.template.spec.containers of type []v1.Container',
    ],
    [
      { spec: { template: { spec: { containers: [{ env: [{ name: 'a', value: 1 }] }] } } } },
      'json: cannot unmarshal number into Go struct field EnvVar.spec.template.spec.containers.env.value of type string',
    ],
    [
      { spec: { template: { spec: { containers: [{ resources: { limits: { cpu: 'x' } } }] } } } },
      "quantities must match the regular expression '^([+-]?[0-9.]+)([eEinumkKMGTP]*[-+]?[0-9]*)$'",
    ],
    [
      { metadata: { creationTimestamp: 'yesterday' } },
      'parsing time "yesterday" as "2006-01-02T15:04:05Z07:00": cannot parse "yesterday" as "2006"',
    ],
  ])('of a wrong type are described as Go does: %j', (object, message) => {
    expect(messages(object)).toEqual([message]);
  });

  it('accept null everywhere and numbers as quantities', () => {
    expect(messages({ spec: null, metadata: { creationTimestamp: null } })).toEqual([]);
    expect(messages({ spec: { containers: [{ resources: { limits: { cpu: 1 } } }] } }, 'Pod', 'v1')).toEqual(
      [],
    );
  });

  it('wrap into the messages of a 400', () => {
    expect(
      cannotBeHandled(
        'apps/v1',
        'Deployment',
        strictDecodingError(['unknown field "a"', 'duplicate field "b"']),
      ),
    ).toBe(
      'Deployment in version "v1" cannot be handled as a Deployment: strict decoding error: unknown field "a", duplicate field "b"',
    );
  });

  it('secret data must be base64', () => {
    expect(messages({ data: { a: 'not base64!' } }, 'Secret', 'v1')).toEqual([
      'illegal base64 data at input byte 3',
    ]);
    expect(messages({ data: { a: 'YQ==' } }, 'Secret', 'v1')).toEqual([]);
  });
});
