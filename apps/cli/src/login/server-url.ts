import { CliError } from '../cli-error.ts';

/** The base URL of a server, without a trailing slash. Throws `CliError` for what is no address of one, saying where it stands. */
export function serverUrl(given: string, place: string): string {
  const url = URL.canParse(given) ? new URL(given) : null;
  if (url?.protocol === 'http:' || url?.protocol === 'https:') return given.replace(/\/+$/, '');
  throw new CliError(
    `${place} is "${given}", which is not the address of a server. Write it out, for example http://localhost:8080.`,
  );
}
