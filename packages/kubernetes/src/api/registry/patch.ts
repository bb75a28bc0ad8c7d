import type { KubeObject } from '../../types.ts';
import type { ApiRequest } from '../http/answer.ts';
import { toObject } from '../http/read-object.ts';
import type { Call } from '../deps.ts';
import { applyObject } from '../apply/apply-object.ts';
import { isApply, readApplyRequest } from '../apply/read-config.ts';
import { badRequest } from '../errors.ts';
import { storedFormOf } from '../kinds/stored-form.ts';
import { PatchProblem } from '../patch/json-patch.ts';
import { parsePatch } from '../patch/parse-patch.ts';
import { StatusError } from '../status-error.ts';
import { isRecord } from './object.ts';
import { changeObject } from './update.ts';

/** PATCH of an object or of its status. Repeated on the newest state unless the patch names a resourceVersion. */
export async function patchObject(
  call: Call,
  request: ApiRequest,
): Promise<{ object: KubeObject; created: boolean }> {
  if (isApply(request)) {
    const apiVersion = call.info.group === '' ? call.info.version : `${call.info.group}/${call.info.version}`;
    return applyObject(call, {
      request,
      wanted: await readApplyRequest(request, { apiVersion, kind: call.info.kind }),
    });
  }
  const body = request.parsedBody ?? (await request.readBody()).toString('utf8');
  const patch = parsePatch({ contentType: request.contentType, body, info: call.info });
  const form = storedFormOf(call.info);
  const object = await changeObject(call, {
    from: (current) => {
      const value = applied(() => patch.apply(form?.fromStored(current) ?? current));
      if (!isRecord(value)) throw badRequest('a patch must leave an object');
      const metadata = isRecord(value['metadata']) ? value['metadata'] : {};
      // Untouched by the patch, the revision is no precondition: the write is repeated instead.
      const untouched = metadata['resourceVersion'] === current.metadata.resourceVersion;
      const raw = {
        value: { ...value, metadata: { ...metadata, ...(untouched && { resourceVersion: '' }) } },
        duplicates: patch.duplicates,
      };
      const patched = toObject(request, { raw, expected: call.info });
      const next = form?.toStored(patched) ?? patched;
      if (next.metadata.name !== call.name) {
        throw badRequest(
          `the name of the object (${next.metadata.name}) does not match the name on the URL (${call.name})`,
        );
      }
      call.cluster.deps.checkEscalation(call, next, current);
      return next;
    },
  });
  return { object, created: false };
}

function applied(apply: () => unknown): unknown {
  try {
    return apply();
  } catch (error) {
    if (!(error instanceof PatchProblem)) throw error;
    throw new StatusError(422, 'Invalid', {
      message: 'the server rejected our request due to an error in our request',
      details: {},
    });
  }
}
