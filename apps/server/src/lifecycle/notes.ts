import { existsSync, readFileSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { writeFileAtomic } from './data-folder.ts';

/** What a start leaves in the data folder for later ones, each a line in a file of its name. */
type Note = 'driver' | 'public-url' | 'discovery-url';

/** Undefined when there is none. */
export function readNote(dataDir: string, note: Note): string | undefined {
  const path = join(dataDir, note);
  return existsSync(path) ? readFileSync(path, 'utf8').trim() || undefined : undefined;
}

/** Null forgets it. */
export function keepNote(dataDir: string, note: Note, text: string | null): void {
  if (text === null) rmSync(join(dataDir, note), { force: true });
  else if (text !== readNote(dataDir, note)) writeFileAtomic(join(dataDir, note), `${text}\n`, 0o600);
}
