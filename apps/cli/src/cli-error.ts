/** A failure that a sentence explains; printed without a stack. `exitCode` is 1 unless the caller knows better. */
export class CliError extends Error {
  readonly exitCode: number;

  constructor(message: string, exitCode = 1) {
    super(message);
    this.name = 'CliError';
    this.exitCode = exitCode;
  }
}
