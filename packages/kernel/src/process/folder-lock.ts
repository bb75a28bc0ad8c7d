import { readFile, rename, rm, writeFile } from 'node:fs/promises';
import path from 'node:path';
import { isErrno, processStart } from './process-identity.ts';

/**
 * Makes sure that one process uses the data folder. The note holds our process id and the start time of that process,
 * so that a reused process id is not taken for a living owner.
 * Throws an Error when another living process holds the folder.
 */
export async function lockFolder(folder: string): Promise<AsyncDisposable> {
  const file = path.join(folder, 'hexabase.pid');
  const mine = `${process.pid} ${processStart(process.pid) ?? ''}`;
  for (;;) {
    try {
      await writeFile(file, mine, { flag: 'wx' });
      break;
    } catch (error) {
      if (!isErrno(error, 'EEXIST')) throw error;
    }
    await removeStale(file, folder);
  }
  return { [Symbol.asyncDispose]: async () => rm(file, { force: true }) };
}

async function removeStale(file: string, folder: string): Promise<void> {
  const text = await readFile(file, 'utf8').catch(() => '');
  const [pid, started] = text.split(' ');
  const owner = Number(pid);
  if (Number.isInteger(owner) && owner > 0 && processStart(owner) === started) {
    throw new Error(
      `The data folder ${folder} is in use by process ${owner}. Stop it first, or choose another folder.`,
    );
  }
  // Renamed before removal: two starters may find the same stale note, and only one can rename it.
  const aside = `${file}.${process.pid}`;
  await rename(file, aside).catch(() => undefined);
  await rm(aside, { force: true });
}
