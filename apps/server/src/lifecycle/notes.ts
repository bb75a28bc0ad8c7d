import { existsSync, readFileSync, rmSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { StartError, writeFileAtomic } from './data-folder.ts';

/** What a start leaves in the data folder for later ones, each a line in a file of its name; the URLs did before the database had them. */
type Note = 'driver' | 'public-url' | 'discovery-url';

/** Undefined when there is none. Throws `StartError` for one that cannot be read. */
export function readNote(dataDir: string, note: Note): string | undefined {
  const path = join(dataDir, note);
  if (!existsSync(path)) return undefined;
  try {
    return readFileSync(path, 'utf8').trim() || undefined;
  } catch (error) {
    const why = error instanceof Error ? error.message : String(error);
    throw unusableNote(dataDir, note, `cannot be read (${why})`);
  }
}

export function keepNote(dataDir: string, note: Note, text: string): void {
  if (text !== readNote(dataDir, note)) writeFileAtomic(join(dataDir, note), `${text}\n`, 0o600);
}

/** Anything but a file of that name was never a note, and stays. */
export function forgetNote(dataDir: string, note: Note): void {
  const path = join(dataDir, note);
  if (statSync(path, { throwIfNoEntry: false })?.isFile() === true) rmSync(path, { force: true });
}

/** Which file is in the way, and that it may go. */
export function unusableNote(dataDir: string, note: Note, why: string): StartError {
  return new StartError(
    `${join(dataDir, note)}, where an earlier start noted the ${words[note]}, ${why}. Restore it from your backup, or remove it and ${instead[note]}. Nothing was changed.`,
  );
}

const words: Readonly<Record<Note, string>> = {
  driver: 'driver of workspaces',
  'public-url': 'public URL',
  'discovery-url': 'discovery URL',
};

const instead: Readonly<Record<Note, string>> = {
  driver: 'start again: the workspaces tell what they are on',
  'public-url': 'give the address with --public-url',
  'discovery-url': 'give the address with --discovery-url, if there was one',
};
