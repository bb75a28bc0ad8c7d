import { isAppError } from '@hexabase/kernel/errors.ts';
import { mendable } from '../lifecycle/mendable.ts';

/** Runs a program to its exit code; what the user can mend is printed as a sentence, a fault of ours with its stack. */
export async function runProgram(name: string, main: () => Promise<number>): Promise<void> {
  try {
    process.exitCode = await main();
  } catch (error) {
    process.stderr.write(`${name}: ${sentence(error)}\n`);
    process.exitCode = 1;
  }
}

function sentence(error: unknown): string {
  const words = mendable(error);
  if (words !== null) return words;
  if (isAppError(error)) return `${error.message}${fields(error.details)}`;
  return error instanceof Error ? (error.stack ?? error.message) : String(error);
}

function fields(details: Record<string, unknown>): string {
  const { fields: list } = details;
  if (!Array.isArray(list)) return '';
  return list
    .map((field: { path?: string; message?: string }) => `\n  ${field.path ?? ''} ${field.message ?? ''}`)
    .join('');
}
