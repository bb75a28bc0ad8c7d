import { execFile } from 'node:child_process';
import { setTimeout as sleep } from 'node:timers/promises';

export interface ProgramOptions {
  env?: NodeJS.ProcessEnv;
  cwd?: string;
  /** For standard input, which is closed after it. */
  input?: string;
  timeoutMs?: number;
  signal?: AbortSignal | undefined;
}

/** Runs a program to its end and answers what it wrote. Throws with its complaint when it fails. */
export function runProgram(
  program: string,
  args: readonly string[],
  options: ProgramOptions = {},
): Promise<string> {
  const { input = '', timeoutMs = 120_000, env = process.env, cwd = '/', signal } = options;
  return new Promise((done, fail) => {
    const child = execFile(
      program,
      [...args],
      { env, cwd, timeout: timeoutMs, maxBuffer: 64 << 20, ...(signal ? { signal } : {}) },
      (error, stdout, stderr) => {
        if (error === null) return done(stdout);
        const said = stderr.trim().split('\n').slice(-8).join('\n') || error.message;
        fail(new Error(`${program} ${args.slice(0, 6).join(' ')}: ${said}`));
      },
    );
    child.stdin?.on('error', () => undefined);
    child.stdin?.end(input);
  });
}

/** The same for programs that may fail without harm: undoing what may not be there. */
export async function tryProgram(program: string, args: readonly string[]): Promise<boolean> {
  return runProgram(program, args).then(
    () => true,
    () => false,
  );
}

/** Asks until the answer is true. Throws with the last complaint when `seconds` are over. */
export async function waitUntil(
  what: string,
  seconds: number,
  isSo: () => Promise<boolean> | boolean,
): Promise<void> {
  const end = Date.now() + seconds * 1000;
  let complaint = '';
  for (;;) {
    try {
      if (await isSo()) return;
    } catch (error) {
      if (error instanceof ProcessEnded) throw error;
      complaint = error instanceof Error ? `: ${error.message}` : '';
    }
    if (Date.now() > end) throw new Error(`${what} did not come within ${seconds} s${complaint}`);
    await sleep(150);
  }
}

/** Waiting longer is of no use. */
export class ProcessEnded extends Error {}
