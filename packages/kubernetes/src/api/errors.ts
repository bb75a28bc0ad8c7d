import { StatusError, type StatusCause, type StatusDetails } from './status-error.ts';

/** The part of a ResourceInfo that error texts name. */
export interface NamedKind {
  group: string;
  plural: string;
  kind: string;
}

/** `pods` or `deployments.apps`. */
export function qualifiedResource(kind: Pick<NamedKind, 'group' | 'plural'>): string {
  return kind.group === '' ? kind.plural : `${kind.plural}.${kind.group}`;
}

function details(kind: NamedKind, name: string): StatusDetails {
  return { ...(name && { name }), ...(kind.group && { group: kind.group }), kind: kind.plural };
}

/** 404 for an object that is not there. */
export function notFound(kind: NamedKind, name: string): StatusError {
  return new StatusError(404, 'NotFound', {
    message: `${qualifiedResource(kind)} "${name}" not found`,
    details: details(kind, name),
  });
}

/** 404 for a path that leads nowhere. */
export function unknownPath(): StatusError {
  return new StatusError(404, 'NotFound', {
    message: 'the server could not find the requested resource',
    details: {},
  });
}

/** 409 for a name that is taken. */
export function alreadyExists(kind: NamedKind, name: string): StatusError {
  return new StatusError(409, 'AlreadyExists', {
    message: `${qualifiedResource(kind)} "${name}" already exists`,
    details: details(kind, name),
  });
}

/** What the optimistic lock answers; clients match this text. */
export const modifiedMessage =
  'the object has been modified; please apply your changes to the latest version and try again';

/** 409 for a lost race or an unmet precondition. */
export function conflict(kind: NamedKind, name: string, why: string): StatusError {
  return new StatusError(409, 'Conflict', {
    message: `Operation cannot be fulfilled on ${qualifiedResource(kind)} "${name}": ${why}`,
    details: details(kind, name),
  });
}

/** 403. `name` is '' for collections. */
export function forbidden(kind: NamedKind, name: string, why: string): StatusError {
  const subject = name === '' ? qualifiedResource(kind) : `${qualifiedResource(kind)} "${name}"`;
  return new StatusError(403, 'Forbidden', {
    message: `${subject} is forbidden: ${why}`,
    details: details(kind, name),
  });
}

/** 422 with one cause per field; the message repeats them as upstream does. */
export function invalid(kind: NamedKind, name: string, causes: StatusCause[]): StatusError {
  const texts = causes.map((cause) => (cause.field ? `${cause.field}: ${cause.message}` : cause.message));
  const unique = [...new Set(texts)];
  const list = unique.length === 1 ? unique[0] : `[${unique.join(', ')}]`;
  const subject = kind.group === '' ? kind.kind : `${kind.kind}.${kind.group}`;
  return new StatusError(422, 'Invalid', {
    message: `${subject} "${name}" is invalid: ${list}`,
    details: {
      ...(name && { name }),
      ...(kind.group && { group: kind.group }),
      kind: kind.kind,
      causes,
    },
  });
}

export function badRequest(message: string): StatusError {
  return new StatusError(400, 'BadRequest', message);
}

export function methodNotAllowed(kind?: NamedKind): StatusError {
  return new StatusError(405, 'MethodNotAllowed', {
    message: 'the server does not allow this method on the requested resource',
    details: kind ? details(kind, '') : {},
  });
}

export function unsupportedMediaType(accepted: readonly string[]): StatusError {
  return new StatusError(
    415,
    'UnsupportedMediaType',
    `the body of the request was in an unknown format - accepted media types include: ${accepted.join(', ')}`,
  );
}

export function notAcceptable(accepted: readonly string[]): StatusError {
  return new StatusError(
    406,
    'NotAcceptable',
    `only the following media types are accepted: ${accepted.join(', ')}`,
  );
}

export function unauthorized(): StatusError {
  return new StatusError(401, 'Unauthorized', 'Unauthorized');
}

export function bodyTooLarge(limitBytes: number): StatusError {
  return new StatusError(413, 'RequestEntityTooLarge', `Request entity too large: limit is ${limitBytes}`);
}

/** 410: the revision was compacted; the client lists again. */
export function expired(message: string): StatusError {
  return new StatusError(410, 'Expired', message);
}

/** 501 for what this server does not do, said plainly instead of pretended. */
export function notImplemented(message: string): StatusError {
  return new StatusError(501, 'NotImplemented', message);
}

export function tooManyRequests(
  message: string,
  retryAfterSeconds: number,
  causes?: StatusCause[],
): StatusError {
  return new StatusError(429, 'TooManyRequests', {
    message,
    details: {
      ...(causes && { causes }),
      ...(retryAfterSeconds > 0 && { retryAfterSeconds }),
    },
  });
}
