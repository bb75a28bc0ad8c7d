import { spawn, type ChildProcess } from 'node:child_process';

const startMsMax = 180_000;

/** A program that a test has started. */
export interface Running {
  program: string;
  child: ChildProcess;
  /** The end of what it wrote. */
  words(): string;
  stop(): Promise<void>;
}

/** Starts it without a shell; what it writes on standard output is thrown away. */
export function start(
  program: string,
  flags: readonly string[],
  environment: Readonly<Record<string, string>> = {},
): Running {
  // `env` adds to what a child inherits, and becomes the program: the process stays the same.
  const settings = Object.entries(environment).map(([name, value]) => `${name}=${value}`);
  const child = spawn('env', [...settings, program, ...flags], { stdio: ['ignore', 'ignore', 'pipe'] });
  let words = '';
  child.stderr.on('data', (chunk: Buffer) => (words = (words + chunk.toString()).slice(-4000)));
  const ended = new Promise<void>((done) => {
    child.once('exit', () => done());
    child.once('error', () => done());
  });
  return {
    program,
    child,
    words: () => words,
    async stop() {
      child.kill('SIGKILL');
      await ended;
    },
  };
}

/** Asks until there is an answer; a question may fail. Throws with the programs’ last words when one of them ends. */
export async function until<T>(needed: readonly Running[], ask: () => Promise<T | null>): Promise<T> {
  const patience = AbortSignal.timeout(startMsMax);
  while (!patience.aborted) {
    const answer = await ask().catch(() => null);
    if (answer !== null) return answer;
    const dead = needed.find(({ child }) => child.exitCode !== null);
    if (dead) throw new Error(`${dead.program} ended: ${dead.words()}`);
    await new Promise((done) => setTimeout(done, 100));
  }
  throw new Error(`no answer: ${needed.map(({ program, words }) => `${program}: ${words()}`).join('\n')}`);
}
