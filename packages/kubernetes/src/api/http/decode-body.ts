import type { KubeObject } from '../../types.ts';
import { badRequest, unsupportedMediaType } from '../errors.ts';
import { BodyError, parseStrict, parseYaml, type ParsedBody } from '../../schema/parse-body.ts';
import { decodeProtobuf, ProtobufError } from '../../schema/protobuf.ts';
import { prune } from '../../schema/prune.ts';
import { cannotBeHandled, checkFields, strictDecodingError } from '../../schema/strict.ts';
import { isRecord } from '../registry/object.ts';

export interface ExpectedKind {
  group: string;
  version: string;
  kind: string;
}

interface DecodeOptions {
  /** Query value; '' means Warn, upstream's default. */
  fieldValidation: string;
  warn(message: string): void;
}

const accepted = ['application/json', 'application/yaml', 'application/vnd.kubernetes.protobuf'];

/** Reads JSON, YAML or protobuf. Throws 400 and 415. */
export function readValue(contentType: string, body: Buffer): ParsedBody {
  const type = (contentType.split(';')[0] ?? '').trim().toLowerCase();
  const read = readers.get(type);
  if (!read) throw unsupportedMediaType(accepted);
  try {
    return read(body);
  } catch (error) {
    if (error instanceof BodyError || error instanceof ProtobufError) throw badRequest(error.message);
    throw error;
  }
}

const readJson = (body: Buffer): ParsedBody => parseStrict(body.toString('utf8'));
const readYaml = (body: Buffer): ParsedBody => parseYaml(body.toString('utf8'));

const readers = new Map<string, (body: Buffer) => ParsedBody>([
  ['', readJson],
  ['application/json', readJson],
  ['application/yaml', readYaml],
  ['application/x-yaml', readYaml],
  ['application/vnd.kubernetes.protobuf', (body) => ({ value: decodeProtobuf(body), duplicates: [] })],
]);

/**
 * Makes an object of the expected kind out of a body; kind and version may be missing, the path says them. Applies
 * `fieldValidation`. Throws 400.
 */
export function decodeObject(
  { value, duplicates }: ParsedBody,
  expected: ExpectedKind,
  options: DecodeOptions,
): KubeObject {
  if (!isRecord(value))
    throw badRequest(
      `couldn't get version/kind; json parse error: json: cannot unmarshal into Go value of type struct`,
    );
  const apiVersion = expected.group === '' ? expected.version : `${expected.group}/${expected.version}`;
  const kind = textOr(value['kind'], expected.kind);
  const version = textOr(value['apiVersion'], apiVersion);
  if (kind !== expected.kind || version !== apiVersion) {
    throw badRequest(
      `${kind} in version ${JSON.stringify(version.split('/').at(-1))} cannot be handled as a ${expected.kind}: no kind "${kind}" is registered for version "${version}" in this path (expected ${apiVersion}, Kind=${expected.kind})`,
    );
  }
  value['kind'] = kind;
  value['apiVersion'] = version;
  const metadata = isRecord(value['metadata']) ? value['metadata'] : {};
  value['metadata'] = metadata;
  checkFieldValidation(value, { expected, apiVersion, duplicates, ...options });
  const object = {
    ...value,
    apiVersion,
    kind,
    metadata: {
      ...metadata,
      name: textOr(metadata['name'], ''),
      uid: textOr(metadata['uid'], ''),
      resourceVersion: textOr(metadata['resourceVersion'], ''),
      creationTimestamp: '',
    },
  };
  return prune(object);
}

interface FieldCheck extends DecodeOptions {
  expected: ExpectedKind;
  apiVersion: string;
  duplicates: readonly string[];
}

function checkFieldValidation(value: Record<string, unknown>, check: FieldCheck): void {
  const { expected, apiVersion, duplicates, fieldValidation, warn } = check;
  const problems = checkFields(apiVersion, expected.kind, value);
  const wrong = problems.find((problem) => problem.kind === 'type');
  if (wrong) throw badRequest(cannotBeHandled(apiVersion, expected.kind, wrong.message));
  if (fieldValidation === 'Ignore') return;
  const texts = [...problems.map((problem) => problem.message), ...duplicates];
  if (texts.length === 0) return;
  if (fieldValidation === 'Strict')
    throw badRequest(cannotBeHandled(apiVersion, expected.kind, strictDecodingError(texts)));
  for (const text of texts) warn(text);
}

function textOr(value: unknown, otherwise: string): string {
  return typeof value === 'string' && value !== '' ? value : otherwise;
}
