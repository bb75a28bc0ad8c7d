import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { createInterface } from 'node:readline';
import { fileURLToPath } from 'node:url';

/** A program in a process of its own. Disposing it ends it, and throws when it ended with an error. */
export interface Program<T> extends AsyncDisposable {
  /** The first line that it wrote. */
  said: T;
}

/** Starts a program of this folder; it reads `given` as its argument, writes a line of JSON, and ends with its input. */
export async function startProgram<T>(file: string, given: unknown): Promise<Program<T>> {
  const path = fileURLToPath(new URL(file, import.meta.url));
  const child = spawn(
    process.execPath,
    ['--disable-warning=ExperimentalWarning', path, JSON.stringify(given)],
    {
      stdio: ['pipe', 'pipe', 'inherit'],
    },
  );
  const { value: line } = await createInterface(child.stdout)[Symbol.asyncIterator]().next();
  if (line === undefined) throw new Error(`${file} ended with ${child.exitCode ?? 'no word'}`);
  const said: T = JSON.parse(line);
  return {
    said,
    async [Symbol.asyncDispose]() {
      child.stdin.end();
      if (child.exitCode === null) await once(child, 'exit');
      if (child.exitCode !== 0) throw new Error(`${file} ended with ${child.exitCode ?? 'a signal'}`);
    },
  };
}

/** For the other side: calls back when whoever started this program has no more use for it. */
export function onceUnused(end: () => void): void {
  process.stdin.resume().once('end', end);
}
