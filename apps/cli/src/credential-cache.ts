import { randomBytes } from 'node:crypto';
import { existsSync, mkdirSync, readFileSync, renameSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { CliError } from './cli-error.ts';

/** A credential is not handed out in its last minute: the call that uses it may take a while. */
const marginSeconds = 60;
const lockPollMs = 20;
const lockPatienceMs = 20_000;
/** A lock this old belongs to a process that died. */
const lockStaleMs = 30_000;

/**
 * Credentials of one workspace, shared by parallel kubectl calls. `<id>.json` holds two lines: the second since 1970
 * after which it is stale, and the ExecCredential; the launcher prints the second line without starting Node. A marker
 * in `<id>.served/` says which process has had it: the same process asking again had it refused (401), so it gets a
 * new one.
 */
export function credentialCache(dir: string, workspaceId: string): CredentialCache {
  if (!/^[0-9a-f-]{1,64}$/.test(workspaceId)) throw new CliError('--workspace takes the id of a workspace.');
  const base = join(dir, workspaceId);
  return {
    async fresh(parentPid, mint) {
      mkdirSync(`${base}.served`, { recursive: true, mode: 0o700 });
      const refused = existsSync(join(`${base}.served`, String(parentPid)));
      const seen = read(base);
      const found = refused ? null : usable(seen);
      const credential = found ?? (await withLock(`${base}.lock`, () => renew(base, refused ? seen : null, mint)));
      writeFileSync(join(`${base}.served`, String(parentPid)), '', { mode: 0o600 });
      return credential;
    },
  };
}

export interface CredentialCache {
  /** A credential that `parentPid` has not been given before; `mint` asks the server for a new token. */
  fresh(parentPid: number, mint: () => Promise<{ token: string; expiresAt: string }>): Promise<string>;
}

/** Under the lock: somebody else may have renewed it meanwhile, unless that is the one that was refused. */
async function renew(
  base: string,
  refused: string | null,
  mint: () => Promise<{ token: string; expiresAt: string }>,
): Promise<string> {
  const current = read(base);
  const found = current === refused ? null : usable(current);
  if (found) return found;
  const { token, expiresAt } = await mint();
  const credential = JSON.stringify({
    apiVersion: 'client.authentication.k8s.io/v1',
    kind: 'ExecCredential',
    status: { expirationTimestamp: expiresAt, token },
  });
  const staleAt = Math.floor(Date.parse(expiresAt) / 1000) - marginSeconds;
  const scratch = `${base}.${process.pid}.${randomBytes(4).toString('hex')}`;
  writeFileSync(scratch, `${staleAt}\n${credential}\n`, { mode: 0o600 });
  rmSync(`${base}.served`, { recursive: true, force: true });
  mkdirSync(`${base}.served`, { recursive: true, mode: 0o700 });
  renameSync(scratch, `${base}.json`);
  return credential;
}

function read(base: string): string | null {
  return existsSync(`${base}.json`) ? readFileSync(`${base}.json`, 'utf8') : null;
}

function usable(text: string | null): string | null {
  const [staleAt, credential] = (text ?? '').split('\n');
  return credential && Number(staleAt) > Date.now() / 1000 ? credential : null;
}

async function withLock<T>(lock: string, run: () => Promise<T>): Promise<T> {
  const deadline = Date.now() + lockPatienceMs;
  while (!acquire(lock)) {
    if (Date.now() > deadline) throw new CliError('Another hks has been refreshing this credential for too long; try again.');
    await new Promise((resolve) => setTimeout(resolve, lockPollMs));
  }
  try {
    return await run();
  } finally {
    rmSync(lock, { recursive: true, force: true });
  }
}

function acquire(lock: string): boolean {
  try {
    mkdirSync(lock, { mode: 0o700 });
    return true;
  } catch {
    if (existsSync(lock) && Date.now() - statSync(lock).mtimeMs > lockStaleMs) rmSync(lock, { recursive: true, force: true });
    return false;
  }
}
