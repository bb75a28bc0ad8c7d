import { createHmac, randomBytes } from 'node:crypto';
import { chmodSync, mkdirSync, readFileSync, renameSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { acquireFileLock } from './file-lock.ts';

const secretPattern = /^[\w-]{43}$/;

/**
 * What this machine is to a server: a session that began with it is refreshed with it only, so that a copy of the settings
 * alone is worth nothing elsewhere. It comes from 256 random bits in a file of their own beside the settings, readable by
 * their owner only, and says nothing of the machine; two servers are told different ones.
 */
export async function deviceIdFor(configFile: string, server: string): Promise<string> {
  const path = join(dirname(configFile), 'device-id');
  const secret = readSecret(path) ?? (await makeSecret(path));
  return createHmac('sha256', secret).update(server).digest('base64url');
}

/** Under a lock: of programs that start at once all get the one that stays. */
async function makeSecret(path: string): Promise<string> {
  mkdirSync(dirname(path), { recursive: true, mode: 0o700 });
  using _lock = await acquireFileLock(`${path}.lock`);
  const found = readSecret(path);
  if (found !== null) return found;
  const secret = randomBytes(32).toString('base64url');
  const scratch = `${path}.${process.pid}`;
  writeFileSync(scratch, `${secret}\n`, { mode: 0o600, flush: true });
  chmodSync(scratch, 0o600);
  renameSync(scratch, path);
  return secret;
}

/** Null where there is none, or none that can be used: the sessions that began with it are signed in anew. */
function readSecret(path: string): string | null {
  try {
    const text = readFileSync(path, 'utf8').trim();
    return secretPattern.test(text) ? text : null;
  } catch {
    return null;
  }
}
