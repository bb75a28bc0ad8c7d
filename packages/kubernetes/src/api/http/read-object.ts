import type { ParsedBody } from '../../schema/parse-body.ts';
import type { KubeObject } from '../../types.ts';
import type { Call } from '../deps.ts';
import { badRequest, bodyTooLarge } from '../errors.ts';
import { storedFormOf } from '../kinds/stored-form.ts';
import { parseDeleteRequest, type DeleteRequest } from '../registry/delete.ts';
import { copyJson } from '../registry/object.ts';
import type { ApiRequest } from './answer.ts';
import { decodeObject, readValue, type ExpectedKind } from './decode-body.ts';

const objectBytesMax = 1_572_864;

/** Reads the body as an object of the call's kind, in the form in which it is stored. Throws 400, 413 and 415. */
export async function readStored(call: Call, request: ApiRequest): Promise<KubeObject> {
  const object = await readObject(request, call.info);
  return storedFormOf(call.info)?.toStored(object) ?? object;
}

/** Reads the body as an object of the expected kind. Throws 400, 413 and 415. */
export async function readObject(request: ApiRequest, expected: ExpectedKind): Promise<KubeObject> {
  return toObject(request, { raw: await readRaw(request), expected });
}

/** Checks a value that stands for a whole object: a body, or what a patch made. */
export function toObject(
  request: ApiRequest,
  { raw, expected }: { raw: ParsedBody; expected: ExpectedKind },
): KubeObject {
  return decodeObject(raw, expected, {
    fieldValidation: fieldValidationOf(request),
    warn: request.warn,
  });
}

async function readRaw(request: ApiRequest): Promise<ParsedBody> {
  if (request.parsedBody !== undefined) return { value: copyJson(request.parsedBody), duplicates: [] };
  const body = await request.readBody();
  if (body.length === 0) throw badRequest(`EOF`);
  if (body.length > objectBytesMax) throw bodyTooLarge(objectBytesMax);
  return readValue(request.contentType, body);
}

function fieldValidationOf(request: ApiRequest): string {
  const value = request.query.get('fieldValidation') ?? '';
  if (value === '' || value === 'Strict' || value === 'Warn' || value === 'Ignore') return value;
  throw badRequest(
    `fieldValidation: Unsupported value: "${value}": supported values: "Ignore", "Strict", "Warn"`,
  );
}

/** Delete options of body and query; both may be absent. */
export async function readDeleteRequest(call: Call, request: ApiRequest): Promise<DeleteRequest> {
  if (request.parsedBody !== undefined) return parseDeleteRequest(request.parsedBody, request.query);
  const body = await request.readBody();
  const value = body.length === 0 ? undefined : readValue(request.contentType, body).value;
  const options = parseDeleteRequest(value, request.query);
  if (isDryRunBody(value)) call.dryRun = true;
  return options;
}

function isDryRunBody(value: unknown): boolean {
  return (
    typeof value === 'object' &&
    value !== null &&
    'dryRun' in value &&
    Array.isArray(value.dryRun) &&
    value.dryRun.includes('All')
  );
}
