import { errorCodes } from '@hexabase/kernel/error-codes.ts';
import { AppError, isAppError } from '@hexabase/kernel/errors.ts';
import type { Logger } from '@hexabase/kernel/log.ts';
import type { FastifyReply, FastifyRequest } from 'fastify';

export interface ErrorEnvelope {
  error: { code: string; message: string; details: Record<string, unknown> };
  meta: { requestId: string };
}

export function errorEnvelope(error: AppError, requestId: string): ErrorEnvelope {
  return { error: { code: error.code, message: error.message, details: error.details }, meta: { requestId } };
}

/** Turns whatever was thrown into the envelope. Only an AppError speaks for itself; the rest is logged and `internal`. */
export function sendError(
  request: FastifyRequest,
  reply: FastifyReply,
  { error, log }: { error: unknown; log: Logger },
): FastifyReply {
  const known = toAppError(error);
  const fields = {
    requestId: request.id,
    method: request.method,
    route: request.routeOptions.url ?? null,
    code: known.code,
  };
  if (known.status >= 500) log.error({ ...fields, error: known.cause ?? error }, 'a request failed');
  if (known.status === 401) reply.header('www-authenticate', 'Bearer');
  const retryAfter = known.details['retryAfterSeconds'];
  if (typeof retryAfter === 'number') reply.header('retry-after', String(retryAfter));
  return reply
    .status(known.status)
    .header('cache-control', 'no-store')
    .type('application/json; charset=utf-8')
    .serializer(JSON.stringify)
    .send(errorEnvelope(known, request.id));
}

/** Fastify's own refusals, by its codes (https://fastify.dev/docs/latest/Reference/Errors). */
function toAppError(error: unknown): AppError {
  if (isAppError(error)) return error;
  const code = error instanceof Error && 'code' in error ? error.code : undefined;
  switch (code) {
    case 'FST_ERR_CTP_BODY_TOO_LARGE':
      return new AppError('body_too_large', { cause: error });
    case 'FST_ERR_CTP_INVALID_MEDIA_TYPE':
      return new AppError('unsupported_media_type', { cause: error });
    case 'FST_ERR_CTP_INVALID_CONTENT_LENGTH':
    case 'FST_ERR_CTP_EMPTY_JSON_BODY':
    case 'FST_ERR_CTP_INVALID_JSON_BODY':
      return new AppError('malformed_json', { cause: error });
    case 'FST_ERR_BAD_URL':
    case 'FST_ERR_MAX_PARAM_LENGTH':
      return new AppError('not_found', { cause: error });
    default:
      return error instanceof Error && (error.name === 'AbortError' || error.name === 'TimeoutError')
        ? new AppError('request_timeout', { cause: error })
        : new AppError('internal', { cause: error });
  }
}

/** The answer to bytes that are not HTTP, or to headers that are too large: there is no request to reply to. */
export function clientErrorText(requestId: string): string {
  const body = JSON.stringify({
    error: { code: 'malformed_json', message: 'The request is not valid HTTP.', details: {} },
    meta: { requestId },
  });
  return `HTTP/1.1 ${errorCodes.malformed_json.status} Bad Request\r\ncontent-type: application/json; charset=utf-8\r\ncontent-length: ${Buffer.byteLength(body)}\r\nconnection: close\r\n\r\n${body}`;
}
