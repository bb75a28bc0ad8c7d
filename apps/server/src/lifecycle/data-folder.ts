import { randomBytes } from 'node:crypto';
import { chmodSync, mkdirSync, readFileSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { isErrno } from '@hexabase/kernel/process/process-identity.ts';

/** Raised for what the person at the keyboard can mend; printed without a stack. */
export class StartError extends Error {
  constructor(message: string) {
    super(message);
    this.name = 'StartError';
  }
}

/**
 * Makes the data folder. As root others may pass through it (0711), because PostgreSQL then runs as `nobody`; what is
 * secret in it is 0600. Throws `StartError` when it cannot be written.
 */
export function ensureDataFolder(dataDir: string): void {
  try {
    mkdirSync(dataDir, { recursive: true, mode: 0o700 });
    chmodSync(dataDir, process.getuid?.() === 0 ? 0o711 : 0o700);
    const probe = join(dataDir, '.probe');
    writeFileSync(probe, '');
    rmSync(probe);
  } catch (error) {
    throw new StartError(unwritable(dataDir, error));
  }
}

function unwritable(dataDir: string, error: unknown): string {
  if (isErrno(error, 'ENOSPC', 'EDQUOT')) {
    return `The disk that holds the data folder ${dataDir} is full. Free some space, or choose another with --data-dir.`;
  }
  const why = error instanceof Error ? error.message : String(error);
  return `The data folder ${dataDir} cannot be written (${why}). Choose another with --data-dir or HKS_DATA_DIR.`;
}

/** The text of a file that was named. Throws `StartError`, which says what of it `what` is, when it cannot be read. */
export function readNamed(path: string, what: string): string {
  try {
    return readFileSync(path, 'utf8');
  } catch (error) {
    const why = error instanceof Error ? error.message : String(error);
    throw new StartError(`${what} cannot be read: ${why}.`);
  }
}

/** Writes a file so that a reader or a crash sees the old or the new one, never half. */
export function writeFileAtomic(path: string, text: string, mode: number): void {
  const scratch = `${path}.${process.pid}.${randomBytes(4).toString('hex')}`;
  writeFileSync(scratch, text, { mode, flush: true });
  renameSync(scratch, path);
}
