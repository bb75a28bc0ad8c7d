import { execFile, spawn } from 'node:child_process';
import { existsSync } from 'node:fs';
import { join, resolve } from 'node:path';

/** The checkout. */
export const checkout = resolve(import.meta.dirname, '../..');

/** How a program ended and what it said. `code` is 128 when a signal ended it. */
export interface Outcome {
  code: number;
  stdout: string;
  stderr: string;
}

export interface RunOptions {
  env: NodeJS.ProcessEnv;
  /** For standard input, which is closed after it. */
  input?: string;
  cwd?: string;
  timeoutMs?: number;
}

const defaultTimeoutMs = 60_000;

/** Runs a program to its end. Never throws: a program that cannot be started ends with 127. */
export function run(program: string, args: readonly string[], options: RunOptions): Promise<Outcome> {
  const { env, cwd = '/', timeoutMs = defaultTimeoutMs } = options;
  return new Promise((done) => {
    const child = execFile(
      program,
      [...args],
      { env, cwd, timeout: timeoutMs, maxBuffer: 64 << 20 },
      (error, stdout, stderr) => done({ code: exitCodeOf(error), stdout, stderr }),
    );
    child.stdin?.on('error', () => undefined);
    child.stdin?.end(options.input ?? '');
  });
}

function exitCodeOf(error: { code?: unknown } | null): number {
  if (!error) return 0;
  if (typeof error.code === 'number') return error.code;
  return error.code === undefined || error.code === null ? 128 : 127;
}

/**
 * Runs a program that does not end by itself until its output matches, then interrupts it as Ctrl-C does. Answers what
 * it wrote; throws when it ends before or the patience (ms) does.
 */
export function runUntil(
  program: string,
  args: readonly string[],
  options: RunOptions & { until: RegExp },
): Promise<string> {
  const child = spawn(program, [...args], {
    env: options.env,
    cwd: options.cwd ?? '/',
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  let output = '';
  return new Promise((done, fail) => {
    const patience = setTimeout(() => child.kill('SIGKILL'), options.timeoutMs ?? defaultTimeoutMs);
    const take = (chunk: Buffer): void => {
      output += chunk.toString();
      if (options.until.test(output)) child.kill('SIGINT');
    };
    child.stdout.on('data', take);
    child.stderr.on('data', take);
    child.once('error', fail);
    child.once('close', () => {
      clearTimeout(patience);
      if (options.until.test(output)) done(output);
      else
        fail(
          new Error(`${program} ${args.join(' ')} never said ${String(options.until)}; it said: ${output}`),
        );
    });
  });
}

/**
 * The kubectls to test with, by version. `./hks test` passes them; a single test file run by hand takes those it fetched
 * before. Empty where there is none: then the tests that need one are skipped and counted as such.
 */
export function kubectls(): Record<string, string> {
  const given: unknown = JSON.parse(process.env['HKS_TEST_KUBECTLS'] ?? '{}');
  const paths = Object.entries(typeof given === 'object' && given !== null ? given : {}).filter(
    (entry): entry is [string, string] => typeof entry[1] === 'string',
  );
  if (paths.length > 0) return Object.fromEntries(paths);
  const fetched = ['1.30', '1.33', '1.36'].map(
    (version) => [version, join(checkout, '.hks/kubectl', version, 'kubectl')] as const,
  );
  return Object.fromEntries(fetched.filter(([, path]) => existsSync(path)));
}
