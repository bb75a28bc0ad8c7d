import type { Logger } from '@hexabase/kernel/log.ts';
import { pino, type Logger as Pino } from 'pino';

/** JSON lines on standard error, so that standard output stays for people. */
export function createLog(level: 'debug' | 'info' | 'warn' | 'error'): Logger {
  const destination = pino.destination({ fd: 2, sync: true });
  // A log that cannot be written (its disk is full, its reader is gone) loses lines; it does not stop the product.
  destination.on('error', () => undefined);
  return adapt(
    pino({ level, base: null, timestamp: pino.stdTimeFunctions.isoTime, errorKey: 'error' }, destination),
  );
}

function adapt(log: Pino): Logger {
  return {
    debug: (fields, message) => log.debug(fields, message),
    info: (fields, message) => log.info(fields, message),
    warn: (fields, message) => log.warn(fields, message),
    error: (fields, message) => log.error(fields, message),
    child: (fields) => adapt(log.child(fields)),
  };
}
