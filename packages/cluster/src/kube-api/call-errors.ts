/**
 * No usable answer came: the API could not be reached, showed a certificate that is not to be trusted, took too long,
 * asked to come again later (429 or 503 with `Retry-After`, RFC 9110 §10.2.3), or answered more than was to be read.
 */
export class KubeCallError extends Error {
  readonly reason: 'unreachable' | 'untrusted' | 'timeout' | 'busy' | 'large';
  /** Milliseconds that the server asked to wait; null when it said nothing. */
  readonly retryAfterMs: number | null;

  constructor(
    reason: KubeCallError['reason'],
    message: string,
    options: { cause?: unknown; retryAfterMs?: number } = {},
  ) {
    super(message, options.cause === undefined ? {} : { cause: options.cause });
    this.name = 'KubeCallError';
    this.reason = reason;
    this.retryAfterMs = options.retryAfterMs ?? null;
  }
}

/** The API answered, and refused. `reason` and `message` are those of its `Status` object. */
export class KubeRefusal extends Error {
  readonly status: number;
  readonly reason: string;
  readonly causes: readonly RefusalCause[];

  constructor(what: string, answer: { status: number; body: unknown }) {
    const said = statusOf(answer.body);
    super(`${what}: ${said.message || `HTTP ${answer.status}`}`);
    this.name = 'KubeRefusal';
    this.status = answer.status;
    this.reason = said.reason;
    this.causes = said.causes;
  }
}

export interface RefusalCause {
  reason: string;
  message: string;
  field: string;
}

/** What a `meta/v1` Status says; empty for anything else. */
function statusOf(body: unknown): { message: string; reason: string; causes: RefusalCause[] } {
  if (typeof body === 'string') return { message: body.trim().slice(0, 500), reason: '', causes: [] };
  if (!isRecord(body)) return { message: '', reason: '', causes: [] };
  const details = isRecord(body['details']) ? body['details'] : {};
  const causes = Array.isArray(details['causes']) ? details['causes'].filter(isRecord) : [];
  return {
    message: textOf(body['message']),
    reason: textOf(body['reason']),
    causes: causes.map((cause) => ({
      reason: textOf(cause['reason']),
      message: textOf(cause['message']),
      field: textOf(cause['field']),
    })),
  };
}

function textOf(value: unknown): string {
  return typeof value === 'string' ? value : '';
}

function isRecord(value: unknown): value is Record<string, unknown> {
  return value !== null && typeof value === 'object' && !Array.isArray(value);
}
