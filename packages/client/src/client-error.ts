import * as z from 'zod';

const envelope = z.object({
  error: z.object({
    code: z.string(),
    message: z.string(),
    details: z.record(z.string(), z.unknown()).default({}),
  }),
  meta: z.object({ requestId: z.string() }).optional(),
});

/** A refusal of the server, in its own words. `status` is the HTTP status, 0 when the server could not be reached. */
export class ClientError extends Error {
  readonly status: number;
  readonly code: string;
  readonly details: Record<string, unknown>;
  readonly requestId: string | null;

  constructor(
    status: number,
    failure: { code: string; message: string; details?: Record<string, unknown>; requestId?: string },
  ) {
    super(failure.message);
    this.name = 'ClientError';
    this.status = status;
    this.code = failure.code;
    this.details = failure.details ?? {};
    this.requestId = failure.requestId ?? null;
  }
}

/** Reads the error envelope of an answer; an answer without one (a proxy's page) is named by its status. */
export function errorOf(status: number, body: unknown): ClientError {
  const parsed = envelope.safeParse(body);
  if (!parsed.success)
    return new ClientError(status, { code: 'internal', message: `The server answered ${status}.` });
  const { error, meta } = parsed.data;
  return new ClientError(status, { ...error, ...(meta && { requestId: meta.requestId }) });
}
