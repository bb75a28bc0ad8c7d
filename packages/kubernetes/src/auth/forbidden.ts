import { StatusError } from '../api/status-error.ts';
import type { UserInfo } from '../types.ts';
import type { Attributes, ResourceAttributes } from './rules.ts';

/** The 403 for a request that nobody allowed, in upstream's words (apiserver `responsewriters.ForbiddenMessage`). */
export function forbidden(user: UserInfo, request: Attributes, reason: string): StatusError {
  const tail = reason === '' ? '' : `: ${reason}`;
  const who = `User ${JSON.stringify(user.username)}`;
  if ('path' in request) {
    const message = `forbidden: ${who} cannot ${request.verb} path ${JSON.stringify(request.path)}${tail}`;
    return new StatusError(403, 'Forbidden', { message, details: {} });
  }
  const what = resourceText(request);
  const scope =
    request.namespace === ''
      ? 'at the cluster scope'
      : `in the namespace ${JSON.stringify(request.namespace)}`;
  const message = `${who} cannot ${request.verb} resource ${JSON.stringify(what)} in API group ${JSON.stringify(request.group)} ${scope}${tail}`;
  return forbiddenObject(request, request.name, message);
}

/** `NewForbidden`: `pods "x" is forbidden: why`. Admission refusals use it as well. */
export function forbiddenObject(
  about: { group: string; resource: string },
  name: string,
  why: string,
): StatusError {
  const kind = about.group === '' ? about.resource : `${about.resource}.${about.group}`;
  const subject = name === '' ? kind : `${kind} ${JSON.stringify(name)}`;
  const details = { ...(name && { name }), ...(about.group && { group: about.group }), kind: about.resource };
  return new StatusError(403, 'Forbidden', { message: `${subject} is forbidden: ${why}`, details });
}

function resourceText(request: ResourceAttributes): string {
  return request.subresource === '' ? request.resource : `${request.resource}/${request.subresource}`;
}
