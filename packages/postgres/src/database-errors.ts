import { AppError, isAppError } from '@hexabase/kernel/errors.ts';

/** Errors of the operating system while talking to the server. */
const networkCodes = new Set([
  'ECONNREFUSED',
  'ECONNRESET',
  'ENOENT',
  'EPIPE',
  'ETIMEDOUT',
  'ENOTFOUND',
  'EAI_AGAIN',
  'EHOSTUNREACH',
  'EACCES',
]);

/** PostgreSQL, appendix A: class 08 connection, 57P0x shutdown, 53300 too many connections, 55P03 lock not available. */
const unavailable = /^(08...|57P0[1-5]|53300|55P03|58000|58030|XX000)$/;
const storageFull = /^(53100|53200)$/;
const timedOut = /^(57014|25P0[34])$/;
/** What a row names went between looking and writing. */
const goneMeanwhile = '23503';
const repeatable = /^(40001|40P01)$/;
/** Text that PostgreSQL cannot keep: a NUL, or half of a surrogate pair in JSON. */
const unstorableText = /^(22021|22P05)$/;

/** Messages of `pg` that come without a code. */
const lostConnection =
  /Connection terminated|timeout exceeded when trying to connect|Client has encountered a connection error|Cannot use a pool after/;

/**
 * Turns what the driver throws into the product's errors: `database_unavailable`, `storage_full`, `request_timeout`,
 * `validation_failed` for text that cannot be stored, `conflict` for what names something that was just deleted.
 * Everything else, also another broken constraint, is returned as it is: only the caller knows what it means.
 */
export function mapDatabaseError(error: unknown): unknown {
  if (isAppError(error)) return error;
  const code = sqlState(error);
  if (code !== null) {
    if (storageFull.test(code) || code === 'ENOSPC') return new AppError('storage_full', { cause: error });
    if (unavailable.test(code) || networkCodes.has(code) || repeatable.test(code)) {
      return new AppError('database_unavailable', { cause: error });
    }
    if (unstorableText.test(code)) return new AppError('validation_failed', { cause: error });
    if (code === goneMeanwhile) {
      const message = 'Something that this names was just deleted. Look again, then repeat.';
      return new AppError('conflict', { message, cause: error });
    }
    if (timedOut.test(code)) return new AppError('request_timeout', { cause: error });
    return error;
  }
  if (error instanceof Error && lostConnection.test(error.message)) {
    return new AppError('database_unavailable', { cause: error });
  }
  return error;
}

/** A transaction that lost against another one and will win when repeated. */
export function isRepeatable(error: unknown): boolean {
  return repeatable.test(sqlState(error) ?? '');
}

/** Tells which unique constraint was broken, or null: stores turn it into `slug_taken` and the like. */
export function brokenUnique(error: unknown): string | null {
  if (sqlState(error) !== '23505') return null;
  return error instanceof Error && 'constraint' in error && typeof error.constraint === 'string'
    ? error.constraint
    : '';
}

/** The code of an error of PostgreSQL or of the system; null for errors without one. */
export function sqlState(error: unknown): string | null {
  return error instanceof Error && 'code' in error && typeof error.code === 'string' ? error.code : null;
}
