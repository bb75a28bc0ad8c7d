import { ClientError } from '@hexabase/client/client-error.ts';
import { ConfigFileError } from '@hexabase/client/config-file.ts';
import { createCli } from './cli.ts';
import { CliError } from './cli-error.ts';
import { readEnvironment } from './environment.ts';
import { createProgram } from './program.ts';

const interrupted = new AbortController();
process.once('SIGINT', () => {
  interrupted.abort();
  process.exitCode = 130;
});

try {
  await createProgram(createCli(readEnvironment(process.env), interrupted.signal)).parseAsync();
} catch (error) {
  process.stderr.write(`hks: ${sentence(error)}\n`);
  process.exitCode = error instanceof CliError ? error.exitCode : (process.exitCode ?? 1);
}

/** What went wrong, for the person at the keyboard. A stack is for faults of ours only. */
function sentence(error: unknown): string {
  if (error instanceof CliError || error instanceof ConfigFileError) return error.message;
  if (error instanceof ClientError) return describe(error);
  return error instanceof Error ? (error.stack ?? error.message) : String(error);
}

function describe(error: ClientError): string {
  const { details, requestId } = error;
  const fields = Array.isArray(details['fields']) ? details['fields'].map((field: unknown) => `\n  - ${fieldText(field)}`).join('') : '';
  const howTo = typeof details['howTo'] === 'string' ? `\n  ${details['howTo']}` : '';
  return `${error.message}${fields}${howTo}${error.status >= 500 && requestId ? ` (request ${requestId})` : ''}`;
}

function fieldText(field: unknown): string {
  if (typeof field !== 'object' || field === null || !('message' in field)) return JSON.stringify(field);
  return `${'path' in field ? `${String(field.path)}: ` : ''}${String(field.message)}`;
}
