import { badRequest, unsupportedMediaType } from '../errors.ts';
import { isRecord } from '../registry/object.ts';
import { StatusError } from '../status-error.ts';
import type { ResourceInfo } from '../../types.ts';
import { BodyError, parseStrict } from '../../schema/parse-body.ts';
import { rootNode } from '../../schema/merge-keys.ts';
import { applyJsonPatch, parseJsonPatch, PatchProblem } from './json-patch.ts';
import { applyMergePatch } from './merge-patch.ts';
import { applyStrategicMergePatch } from './strategic-merge-patch.ts';

/** A patch that is ready to be applied to any state of the object. */
export interface Patch {
  apply(current: Record<string, unknown>): unknown;
  /** Keys that the body repeats; only known for merge patches. */
  duplicates: string[];
}

interface PatchSource {
  contentType: string;
  body: unknown;
  info: Pick<ResourceInfo, 'group' | 'version' | 'kind' | 'plural'>;
}

const operationsMax = 10_000;
const accepted = [
  'application/apply-patch+yaml',
  'application/json-patch+json',
  'application/merge-patch+json',
  'application/strategic-merge-patch+json',
];

/** Chooses the patch by its media type. `body` is text, or the value itself in-process. Throws 400, 413, 415. */
export function parsePatch({ contentType, body, info }: PatchSource): Patch {
  const type = (contentType.split(';')[0] ?? '').trim().toLowerCase();
  switch (type) {
    case 'application/json-patch+json': {
      const operations = guarded(() => parseJsonPatch(readBody(body).value));
      if (operations.length > operationsMax) {
        throw new StatusError(
          413,
          'RequestEntityTooLarge',
          `Request entity too large: The allowed maximum operations in a JSON patch is ${operationsMax}, got ${operations.length}`,
        );
      }
      return { apply: (current) => applyJsonPatch(current, operations), duplicates: [] };
    }
    case 'application/merge-patch+json': {
      const { value, duplicates } = readRecord(body);
      return { apply: (current) => applyMergePatch(current, value), duplicates };
    }
    case 'application/strategic-merge-patch+json': {
      const { value, duplicates } = readRecord(body);
      const apiVersion = info.group === '' ? info.version : `${info.group}/${info.version}`;
      return {
        apply: (current) => applyStrategicMergePatch(current, value, rootNode(apiVersion, info.kind)),
        duplicates,
      };
    }
    default:
      throw unsupportedMediaType(accepted);
  }
}

function readRecord(body: unknown): { value: Record<string, unknown>; duplicates: string[] } {
  const { value, duplicates } = readBody(body);
  if (!isRecord(value))
    throw badRequest(
      'error decoding patch: json: cannot unmarshal into Go value of type map[string]interface {}',
    );
  return { value, duplicates };
}

function readBody(body: unknown): { value: unknown; duplicates: string[] } {
  if (typeof body !== 'string') return { value: body, duplicates: [] };
  try {
    return parseStrict(body);
  } catch (error) {
    if (error instanceof BodyError) throw badRequest(`error decoding patch: ${error.message}`);
    throw error;
  }
}

function guarded<T>(run: () => T): T {
  try {
    return run();
  } catch (error) {
    if (error instanceof PatchProblem) throw badRequest(error.message);
    throw error;
  }
}
