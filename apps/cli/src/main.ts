import { ClientError } from '@hexabase/client/client-error.ts';
import { ConfigFileError } from '@hexabase/client/config-file.ts';
import { LockError } from '@hexabase/client/file-lock.ts';
import { createCli } from './cli.ts';
import { CliError, detailsText } from './cli-error.ts';
import { readEnvironment } from './environment.ts';
import { createProgram } from './program.ts';

const interrupted = new AbortController();
process.once('SIGINT', () => {
  interrupted.abort();
});

try {
  await createProgram(createCli(readEnvironment(process.env), interrupted.signal)).parseAsync();
} catch (error) {
  const stopped = wasInterrupted(error);
  process.stderr.write(stopped ? '\n' : `hks: ${sentence(error)}\n`);
  process.exitCode = stopped ? 130 : exitCodeOf(error);
}

/** Ctrl-C while something runs, or at a question, where the terminal hands it over as a key. */
function wasInterrupted(error: unknown): boolean {
  return interrupted.signal.aborted || (error instanceof Error && error.name === 'AbortError');
}

/** 2 when the server cannot be reached, so that scripts can tell it from a refusal. */
function exitCodeOf(error: unknown): number {
  if (error instanceof CliError) return error.exitCode;
  return error instanceof ClientError && error.status === 0 ? 2 : 1;
}

/** What went wrong, for the person at the keyboard. A stack is for faults of ours only. */
function sentence(error: unknown): string {
  if (error instanceof CliError || error instanceof ConfigFileError || error instanceof LockError)
    return error.message;
  if (error instanceof ClientError) return describe(error);
  return error instanceof Error ? (error.stack ?? error.message) : String(error);
}

function describe(error: ClientError): string {
  const { details, requestId } = error;
  if (error.status === 0)
    return `${error.message} Is it running? \`hks status\` tells; \`hks up\` starts it.`;
  return `${error.message}${detailsText(details)}${error.status >= 500 && requestId ? ` (request ${requestId})` : ''}`;
}
