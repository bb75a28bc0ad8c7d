/** `metav1.Status` of a failure, with upstream's reasons and wording (k8s.io/apimachinery/pkg/api/errors). */
export interface Status {
  kind: 'Status';
  apiVersion: 'v1';
  metadata: Record<string, unknown>;
  status: 'Failure' | 'Success';
  message?: string;
  reason?: string;
  details?: StatusDetails;
  code: number;
}

export interface StatusDetails {
  name?: string;
  group?: string;
  kind?: string;
  uid?: string;
  causes?: StatusCause[];
  retryAfterSeconds?: number;
}

export interface StatusCause {
  reason?: string;
  message: string;
  field?: string;
}

/** Thrown anywhere below the HTTP layer; becomes the `Status` answer. */
export class StatusError extends Error {
  readonly status: Status;

  /** `what` is the message, or the message with details. */
  constructor(code: number, reason: string, what: string | { message: string; details: StatusDetails }) {
    const { message, details } = typeof what === 'string' ? { message: what } : what;
    super(message);
    this.name = 'StatusError';
    this.status = {
      kind: 'Status',
      apiVersion: 'v1',
      metadata: {},
      status: 'Failure',
      message,
      reason,
      ...(details && { details }),
      code,
    };
  }
}
