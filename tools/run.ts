import { spawn } from 'node:child_process';
import { resolve } from 'node:path';

/** The checkout. */
export const root = resolve(import.meta.dirname, '..');

export interface RunOptions {
  env?: NodeJS.ProcessEnv;
  /** Ends the program with SIGTERM. */
  signal?: AbortSignal;
}

/** Runs a program of `node_modules/.bin` or of the system in the checkout, its output passed on. Answers its exit code. */
export function run(command: string, args: readonly string[], options: RunOptions = {}): Promise<number> {
  const { env = process.env, signal } = options;
  const path = `${root}/node_modules/.bin:${env['PATH'] ?? ''}`;
  const child = spawn(command, args, { cwd: root, stdio: 'inherit', env: { ...env, PATH: path } });
  const end = (): void => void child.kill('SIGTERM');
  if (signal?.aborted) end();
  signal?.addEventListener('abort', end, { once: true });
  return new Promise((done, reject) => {
    child.once('error', reject);
    child.once('exit', (code, signalName) => done(code ?? (signalName === null ? 1 : 128)));
  });
}

/** The same, for a script of ours run by this Node. */
export function runScript(script: string, args: readonly string[] = []): Promise<number> {
  return run(process.execPath, ['--disable-warning=ExperimentalWarning', script, ...args]);
}
