import { createInterface } from 'node:readline/promises';
import { CliError } from './cli-error.ts';

/** A question before something is destroyed. `expected` is what must be typed; `--yes` answers for it. */
export interface Confirmation {
  question: string;
  expected: string;
  yes: boolean;
  isTerminal: boolean;
}

/** Asks, and throws `CliError` unless the answer is right. Without a terminal it refuses instead of hanging. */
export async function confirm({ question, expected, yes, isTerminal }: Confirmation): Promise<void> {
  if (yes) return;
  if (!isTerminal)
    throw new CliError('This destroys something and there is no terminal to ask on. Add --yes to go ahead.');
  const prompt = createInterface({ input: process.stdin, output: process.stderr });
  try {
    const answer = await prompt.question(`${question} `);
    if (answer.trim() !== expected) throw new CliError('Nothing was changed.');
  } finally {
    prompt.close();
  }
}
