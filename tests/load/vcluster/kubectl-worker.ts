import { spawn } from 'node:child_process';
import { setTimeout as sleep } from 'node:timers/promises';
import { parentPort, workerData } from 'node:worker_threads';

/** What one process of kubectl is to do, and what its lines must be. */
export interface Session {
  kubectl: string;
  args: string[];
  env: Record<string, string>;
  startAfterMs: number;
  lines: string[];
  /** The command never ends by itself. */
  endless: boolean;
}

export interface SessionSeen {
  gaps: number[];
  failure: string | null;
}

// A thread of its own: starting a process stops a thread until the program has begun, and the gateway must go on.
const sessions: readonly Session[] = workerData;
parentPort?.postMessage(await Promise.all(sessions.map(listen)));

/** One process of kubectl until it has said all lines. */
async function listen({ kubectl, args, env, startAfterMs, lines, endless }: Session): Promise<SessionSeen> {
  await sleep(startAfterMs);
  const child = spawn(kubectl, args, { env, timeout: 150_000 });
  const gaps: number[] = [];
  const said: string[] = [];
  let rest = '';
  let errors = '';
  let before: number | null = null;
  child.stderr.on('data', (chunk) => (errors += String(chunk)));
  child.stdout.on('data', (chunk) => {
    const now = performance.now();
    if (before !== null) gaps.push(now - before);
    before = now;
    const parts = (rest + String(chunk)).split('\n');
    rest = parts.pop() ?? '';
    said.push(...parts);
    if (endless && said.length >= lines.length) child.kill();
  });
  return new Promise((resolve) => {
    child.once('error', (error) => resolve({ gaps, failure: error.message }));
    child.once('close', () => {
      const whole = said.slice(0, lines.length).join() === lines.join();
      const failure = `${said.length} lines of ${lines.length}: ${errors.trim().slice(0, 300)}`;
      resolve({ gaps, failure: whole ? null : failure });
    });
  });
}
