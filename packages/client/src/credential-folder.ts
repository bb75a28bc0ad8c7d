import { hash } from 'node:crypto';
import { existsSync, readdirSync, rmSync } from 'node:fs';
import { basename, dirname, join } from 'node:path';

/** What the launcher takes for a name of a file as it is; by the same rule it finds the folder without Node. */
const plain = /^[A-Za-z0-9_][A-Za-z0-9._-]{0,63}$/;

/**
 * Where the cached kubectl credentials of one context of one settings file are: of nobody else, whatever contexts and
 * files are called.
 */
export function credentialFolder(configFile: string, context: string): string {
  const names = [basename(configFile), context].map(fileNameOf);
  return join(dirname(configFile), 'credentials', 'of-sessions', ...names);
}

/** Where those of an API token are. */
export function credentialFolderOfToken(configFile: string, token: string): string {
  return join(dirname(configFile), 'credentials', 'of-tokens', digest(token));
}

/** A context as it is written into its credentials: its name, or the digest of one that is no name of a file. */
export function fileNameOf(name: string): string {
  return plain.test(name) ? name : `~${digest(name)}`;
}

/**
 * Forgets the credentials of a context: they belong to a session that has ended or to somebody else. Locks and marks of
 * programs that ask at this moment stay where these look for them.
 */
export function forgetCredentials(configFile: string, context: string): void {
  const folder = credentialFolder(configFile, context);
  if (!existsSync(folder)) return;
  for (const name of readdirSync(folder).filter((file) => /\.(json|tmp)$/.test(file)))
    rmSync(join(folder, name), { force: true });
}

function digest(text: string): string {
  return hash('sha256', text, 'hex').slice(0, 32);
}
