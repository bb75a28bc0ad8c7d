import { errorCodes, type ErrorCode } from './error-codes.ts';

export interface AppErrorOptions {
  /** Replaces the catalogue's sentence; shown to the caller, so it must not name another tenant or an internal. */
  message?: string;
  /** Machine-readable facts shown to the caller. */
  details?: Record<string, unknown>;
  /** For the log only. */
  cause?: unknown;
}

/** The only error that reaches a caller with its own words; everything else becomes `internal`. */
export class AppError extends Error {
  readonly code: ErrorCode;
  readonly status: number;
  readonly details: Record<string, unknown>;

  constructor(code: ErrorCode, options: AppErrorOptions = {}) {
    super(
      options.message ?? errorCodes[code].message,
      options.cause === undefined ? {} : { cause: options.cause },
    );
    this.name = 'AppError';
    this.code = code;
    this.status = errorCodes[code].status;
    this.details = options.details ?? {};
  }
}

export function isAppError(error: unknown, code?: ErrorCode): error is AppError {
  return error instanceof AppError && (code === undefined || error.code === code);
}
