import { mkdirSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { dirname } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';

/** Raised when a living process holds a lock for longer than anybody should. */
export class LockError extends Error {
  constructor(path: string) {
    super(`Another hks has held ${path} for too long. Try again; if nothing of hks runs, remove that file.`);
    this.name = 'LockError';
  }
}

const pollMs = 20;
const patienceMs = 30_000;
/** Nobody holds a lock this long: its pid has been given to another program, or it was never written down. */
const abandonedAfterMs = 60_000;
const guardAbandonedAfterMs = 10_000;

/** Held while `Disposable`; give it back with `using`. */
export interface FileLock extends Disposable {}

/**
 * Takes a lock between processes: a file that holds its holder's pid, so that a killed holder's is taken over at once.
 * `unless` is asked while waiting; when it answers true the wait ends without the lock, and null is returned.
 * Throws `LockError` after half a minute.
 */
export async function acquireFileLock(
  path: string,
  unless: () => boolean = () => false,
): Promise<FileLock | null> {
  mkdirSync(dirname(path), { recursive: true, mode: 0o700 });
  const deadline = Date.now() + patienceMs;
  for (;;) {
    if (create(path)) return { [Symbol.dispose]: () => rmSync(path, { force: true }) };
    if (unless()) return null;
    if (isAbandoned(path)) takeAway(path);
    else if (Date.now() > deadline) throw new LockError(path);
    await delay(pollMs * (0.5 + Math.random()));
  }
}

function create(path: string): boolean {
  try {
    writeFileSync(path, String(process.pid), { flag: 'wx', mode: 0o600 });
    return true;
  } catch (error) {
    if (errorCode(error) === 'EEXIST') return false;
    throw error;
  }
}

/**
 * Removes an abandoned lock. Two processes may find it abandoned; without the guard the slower one would remove the
 * lock that the faster one has taken meanwhile.
 */
function takeAway(path: string): void {
  const guard = `${path}.takeover`;
  try {
    mkdirSync(guard, { mode: 0o700 });
  } catch {
    if (ageMs(guard) > guardAbandonedAfterMs) rmSync(guard, { recursive: true, force: true });
    return;
  }
  try {
    if (isAbandoned(path)) rmSync(path, { force: true });
  } finally {
    rmSync(guard, { recursive: true, force: true });
  }
}

function isAbandoned(path: string): boolean {
  const age = ageMs(path);
  if (age > abandonedAfterMs) return true;
  try {
    const pid = Number(readFileSync(path, 'utf8'));
    // Created but not written yet: its holder has not got round to it.
    if (!Number.isInteger(pid) || pid <= 0) return false;
    process.kill(pid, 0);
    return false;
  } catch (error) {
    return errorCode(error) === 'ESRCH';
  }
}

/** How long ago a file was written; 0 when it is gone. */
function ageMs(path: string): number {
  return Date.now() - (statSync(path, { throwIfNoEntry: false })?.mtimeMs ?? Date.now());
}

function errorCode(error: unknown): string | null {
  return error instanceof Error && 'code' in error ? String(error.code) : null;
}
