import { BodyError, parseYaml } from '../../schema/parse-body.ts';
import { badRequest, invalid } from '../errors.ts';
import type { ApiRequest } from '../http/answer.ts';
import { copyJson, isRecord, recordAt } from '../registry/object.ts';
import type { StatusCause } from '../status-error.ts';

/** What an apply asks for. */
export interface ApplyRequest {
  config: Record<string, unknown>;
  duplicates: string[];
  fieldManager: string;
  force: boolean;
}

const managerCharsMax = 128;
const patchOptions = { group: 'meta.k8s.io', plural: 'patchoptions', kind: 'PatchOptions' };
const mediaType = 'application/apply-patch+yaml';

/** Whether a PATCH is a server-side apply. */
export function isApply(request: Pick<ApiRequest, 'contentType'>): boolean {
  return (request.contentType.split(';')[0] ?? '').trim().toLowerCase() === mediaType;
}

/** Reads and checks an apply for an object of `apiVersion` and `kind`. Throws 400 and 422. */
export async function readApplyRequest(
  request: ApiRequest,
  expected: { apiVersion: string; kind: string },
): Promise<ApplyRequest> {
  const fieldManager = request.query.get('fieldManager') ?? '';
  checkManager(fieldManager);
  const force = request.query.get('force');
  const { value, duplicates } = await readBody(request);
  if (!isRecord(value)) throw badRequest('error decoding YAML: the configuration must be an object');
  if (value['apiVersion'] !== expected.apiVersion) {
    throw badRequest(
      `Incorrect version specified in apply patch. Specified patch version: ${String(value['apiVersion'] ?? '')}, expected: ${expected.apiVersion}`,
    );
  }
  if (value['kind'] !== expected.kind) {
    throw badRequest(
      `invalid object type: ${expected.apiVersion}, Kind=${String(value['kind'] ?? '')}, expected: ${expected.apiVersion}, Kind=${expected.kind}`,
    );
  }
  const metadata = recordAt(value, 'metadata');
  if (Array.isArray(metadata?.['managedFields']) && metadata['managedFields'].length > 0)
    throw badRequest('metadata.managedFields must be nil');
  return {
    config: value,
    duplicates,
    fieldManager,
    force: force !== null && force !== 'false' && force !== '0',
  };
}

async function readBody(request: ApiRequest): Promise<{ value: unknown; duplicates: string[] }> {
  if (request.parsedBody !== undefined) return { value: copyJson(request.parsedBody), duplicates: [] };
  try {
    return parseYaml((await request.readBody()).toString('utf8'));
  } catch (error) {
    if (error instanceof BodyError) throw badRequest(`error decoding YAML: ${error.message}`);
    throw error;
  }
}

function checkManager(name: string): void {
  const causes: StatusCause[] = [];
  const add = (reason: string, message: string): number =>
    causes.push({ reason, message, field: 'fieldManager' });
  if (name === '') add('FieldValueRequired', 'Required value: is required for apply patch');
  if (name.length > managerCharsMax)
    add('FieldValueTooLong', `Too long: may not be more than ${managerCharsMax} bytes`);
  if (/\p{C}/u.test(name))
    add(
      'FieldValueInvalid',
      `Invalid value: ${JSON.stringify(name)}: should only contain printable characters`,
    );
  if (causes.length > 0) throw invalid(patchOptions, '', causes);
}
