import { existsSync, readFileSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { writeFileAtomic } from './data-folder.ts';

/** The public URL that a start on this data folder was given last; undefined when none was. */
export function rememberedPublicUrl(dataDir: string): string | undefined {
  const path = noteIn(dataDir);
  return existsSync(path) ? readFileSync(path, 'utf8').trim() || undefined : undefined;
}

/** Later starts that name none take it; null forgets. */
export function rememberPublicUrl(dataDir: string, url: string | null): void {
  if (url === null) rmSync(noteIn(dataDir), { force: true });
  else writeFileAtomic(noteIn(dataDir), `${url}\n`, 0o600);
}

function noteIn(dataDir: string): string {
  return join(dataDir, 'public-url');
}
