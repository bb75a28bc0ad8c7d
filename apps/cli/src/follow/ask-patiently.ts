import { ClientError } from '@hexabase/client/client-error.ts';
import { setTimeout as delay } from 'node:timers/promises';
import type { Cli } from '../cli.ts';
import { CliError } from '../cli-error.ts';

/** A server that answered before may be away for so long, as while it is started anew. */
const patienceMs = 60_000;
const pauseMs = { first: 150, last: 2_000 };
/** No gateway in front of it, no database, or too much to do at this moment. */
const passing: readonly number[] = [0, 429, 502, 503, 504];

/**
 * Asks, and again while the server does not answer: what goes on there goes on whether somebody looks or not. Says once that
 * it waits. Throws the last failure when that takes too long, and every refusal at once.
 */
export async function askPatiently<T>(
  ask: () => Promise<T>,
  { note, signal }: Pick<Cli, 'note' | 'signal'>,
  { patience = patienceMs }: { patience?: number } = {},
): Promise<T> {
  const sinceMs = performance.now();
  for (let pause = pauseMs.first, tries = 1; ; pause = Math.min(2 * pause, pauseMs.last), tries++) {
    try {
      return await ask();
    } catch (error) {
      if (signal.aborted || !isPassing(error) || performance.now() - sinceMs >= patience) throw error;
      if (tries === 1) note('The server does not answer; it is asked again for a while.');
      await delay(pause, undefined, { signal });
    }
  }
}

/** Whether it may be over soon by itself. */
export function isPassing(error: unknown): error is Error {
  if (error instanceof ClientError) return passing.includes(error.status);
  // The server of the session, which is asked for a new token.
  return error instanceof CliError && error.exitCode === 2;
}
