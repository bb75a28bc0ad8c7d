import { chmod, chown, lstat, mkdir, mkdtemp, readFile, rm, stat, writeFile } from 'node:fs/promises';
import os from 'node:os';
import path from 'node:path';

/** The user that PostgreSQL runs as: it refuses to run as root, so root lends it `nobody`. */
export interface ServerUser {
  uid: number;
  gid: number;
}

export interface ServerFolders {
  root: string;
  data: string;
  socket: string;
  logFile: string;
  /** Null when the server runs as the user of this process. */
  user: ServerUser | null;
}

/** A Unix socket's path holds at most 107 bytes on Linux and 103 on macOS; PostgreSQL appends 15. */
const socketFolderBytesMax = 88;

/**
 * Makes the folders of the server below `root`.
 * Throws an Error whose message tells what to change when a folder cannot be used.
 */
export async function prepareFolders(root: string): Promise<ServerFolders> {
  const user = await serverUser();
  const absolute = path.resolve(root);
  try {
    await mkdir(absolute, { recursive: true, mode: user ? 0o711 : 0o700 });
    await writeFile(path.join(absolute, '.writable'), '');
    await rm(path.join(absolute, '.writable'));
  } catch (cause) {
    throw new Error(`The data folder ${absolute} cannot be written: ${reason(cause)}. Choose another one.`, {
      cause,
    });
  }
  if (user) {
    await chmod(absolute, (await stat(absolute)).mode | 0o011);
    await checkTraversable(absolute, user);
  }
  const socket = await socketFolder(absolute, user);
  return {
    root: absolute,
    data: path.join(absolute, 'postgres'),
    socket,
    logFile: path.join(absolute, 'postgres.log'),
    user,
  };
}

/** Gives a file or folder to the server's user; nothing to do when that is us. */
export async function giveTo(user: ServerUser | null, place: string): Promise<void> {
  if (user) await chown(place, user.uid, user.gid);
}

async function serverUser(): Promise<ServerUser | null> {
  if (process.getuid?.() !== 0) return null;
  const line = (await readFile('/etc/passwd', 'utf8'))
    .split('\n')
    .find((entry) => entry.startsWith('nobody:'));
  const fields = line?.split(':') ?? [];
  return { uid: Number(fields[2] ?? 65_534), gid: Number(fields[3] ?? 65_534) };
}

async function checkTraversable(folder: string, user: ServerUser): Promise<void> {
  for (let place = folder; ; place = path.dirname(place)) {
    const { mode, uid, gid } = await stat(place);
    const needed = uid === user.uid ? 0o100 : gid === user.gid ? 0o010 : 0o001;
    if ((mode & needed) === 0) {
      throw new Error(
        `PostgreSQL cannot run as root, so it runs as "nobody", which may not enter ${place}. ` +
          `Choose a data folder elsewhere (for example /var/lib/hexabase), or run: chmod o+x ${place}`,
      );
    }
    if (place === path.dirname(place)) return;
  }
}

async function socketFolder(root: string, user: ServerUser | null): Promise<string> {
  const near = path.join(root, 'run');
  if (Buffer.byteLength(near) <= socketFolderBytesMax) {
    await mkdir(near, { recursive: true, mode: 0o700 });
    await giveTo(user, near);
    await chmod(near, 0o700);
    return near;
  }
  const note = path.join(root, 'socket-folder');
  const remembered = (await readFile(note, 'utf8').catch(() => '')).trim();
  if (remembered !== '' && (await isPrivate(remembered, user))) return remembered;
  const made = await mkdtemp(path.join(os.tmpdir(), 'hks-pg-'));
  await giveTo(user, made);
  await writeFile(note, `${made}\n`);
  return made;
}

/** In a shared temporary folder anybody could have made a folder of that name: only ours, closed to others, will do. */
async function isPrivate(folder: string, user: ServerUser | null): Promise<boolean> {
  const found = await lstat(folder).catch(() => null);
  const owner = user?.uid ?? process.getuid?.();
  return found !== null && found.isDirectory() && found.uid === owner && (found.mode & 0o077) === 0;
}

function reason(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}
