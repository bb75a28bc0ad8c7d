import { acquireFileLock } from '@hexabase/client/file-lock.ts';
import { randomBytes } from 'node:crypto';
import { mkdirSync, readdirSync, readFileSync, renameSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { basename, join } from 'node:path';
import { CliError } from './cli-error.ts';

/** A credential is not handed out in its last minute: the call that uses it may take a while. */
const marginSeconds = 60;
/** A half-written file this old was left by a process that was killed. */
const scratchAbandonedAfterMs = 60_000;

export interface CredentialCache {
  /**
   * The ExecCredential for `parentPid`, as JSON; never one that it has been given before. `mint` asks the server for a
   * token; of many callers at once only one does.
   */
  fresh(parentPid: number, mint: Mint): Promise<string>;
}

type Mint = () => Promise<{ token: string; expiresAt: string }>;

/** Whose credentials they are. */
export interface Holder {
  /** A folder that only they have. */
  dir: string;
  /** The context and the sign-in in it, without spaces. They stand in each file: no name of a folder is trusted alone. */
  context: string;
  signIn: string;
  /** Writes while nobody signs in or out here; answers false, and writes nothing, when it is another sign-in by now. */
  whileSignedIn(write: () => void): Promise<boolean>;
}

/** What `<id>.json` holds: the launcher reads the same two lines without starting Node. */
interface Cached {
  /** Seconds since 1970. */
  staleAt: number;
  /** Names this minting, so that a caller can be recognized as having had it. */
  minting: string;
  credential: string;
}

/**
 * Credentials of one person for one workspace, shared by parallel kubectl calls. `<id>.json` holds
 * `<staleAt> <minting> <context> <sign-in>` and, on the second line, the ExecCredential. `<id>.served/<pid>` holds the
 * minting that a process was given: the same process asking again had that one refused (401).
 */
export function credentialCache(holder: Holder, workspaceId: string): CredentialCache {
  if (!/^[0-9a-f-]{1,64}$/.test(workspaceId)) throw new CliError('--workspace takes the id of a workspace.');
  const base = join(holder.dir, workspaceId);
  return {
    async fresh(parentPid, mint) {
      const served = `${base}.served`;
      mkdirSync(served, { recursive: true, mode: 0o700 });
      const marker = join(served, String(parentPid));
      const refused = readText(marker).trim();
      const { credential, minting } =
        usable(holder, base, refused) ?? (await renew(holder, base, { refused, mint }));
      writeFileSync(marker, `${minting}\n`, { mode: 0o600 });
      return credential;
    },
  };
}

/** Under a lock. Whoever waits for it and finds that another has renewed meanwhile does not need it any more. */
async function renew(
  holder: Holder,
  base: string,
  { refused, mint }: { refused: string; mint: Mint },
): Promise<Cached> {
  using lock = await acquireFileLock(`${base}.lock`, () => usable(holder, base, refused) !== null);
  const found = usable(holder, base, refused);
  if (found || !lock) return found ?? renew(holder, base, { refused, mint });
  const { token, expiresAt } = await mint();
  const credential = JSON.stringify({
    apiVersion: 'client.authentication.k8s.io/v1',
    kind: 'ExecCredential',
    status: { expirationTimestamp: expiresAt, token },
  });
  const staleAt = Math.floor(Date.parse(expiresAt) / 1000) - marginSeconds;
  const minting = randomBytes(9).toString('base64url');
  const scratch = `${base}.${minting}.tmp`;
  const kept = await holder.whileSignedIn(() => {
    writeFileSync(scratch, `${staleAt} ${minting} ${holder.context} ${holder.signIn}\n${credential}\n`, {
      mode: 0o600,
    });
    tidy(holder.dir, base);
    renameSync(scratch, `${base}.json`);
  });
  if (!kept) throw new CliError('Somebody signed in or out here at this moment. Run it again.');
  return { staleAt, minting, credential };
}

/** Markers of older mintings say nothing any more; half-written files of killed processes hold a token. */
function tidy(dir: string, base: string): void {
  for (const name of readdirSync(`${base}.served`)) rmSync(join(`${base}.served`, name), { force: true });
  for (const name of readdirSync(dir)) {
    if (!name.startsWith(`${basename(base)}.`) || !name.endsWith('.tmp')) continue;
    const path = join(dir, name);
    const written = statSync(path, { throwIfNoEntry: false })?.mtimeMs ?? 0;
    if (Date.now() - written > scratchAbandonedAfterMs) rmSync(path, { force: true });
  }
}

/** The cached credential unless it is stale, unreadable, somebody else's or the one that was refused. */
function usable(holder: Holder, base: string, refused: string): Cached | null {
  const [head = '', credential = ''] = readText(`${base}.json`).split('\n');
  const [staleAt, minting = '', context, signIn] = head.split(' ');
  if (context !== holder.context || signIn !== holder.signIn) return null;
  if (credential === '' || minting === '' || minting === refused) return null;
  return Number(staleAt) > Date.now() / 1000 ? { staleAt: Number(staleAt), minting, credential } : null;
}

function readText(path: string): string {
  try {
    return readFileSync(path, 'utf8');
  } catch {
    return '';
  }
}
