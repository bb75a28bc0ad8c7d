import { Worker } from 'node:worker_threads';
import { AppError } from '@hexabase/kernel/errors.ts';
import type { Judgement, Judging } from './judge-thread.ts';

/** One password takes up to half a second of a core: so many may wait for the one thread. */
const waitingMax = 50;
const idleMs = 60_000;

interface Waiting {
  resolve(judgement: Judgement): void;
  reject(error: Error): void;
}

interface Judge {
  thread: Worker;
  /** In the order of asking, which is that of the answers. */
  waiting: Waiting[];
}

let current: Judge | null = null;
let idle: NodeJS.Timeout | undefined;

/**
 * How hard a password is to guess. A thread of its own does it: nobody else is kept waiting meanwhile. Its dictionaries
 * need about 9 MB, so it is there only while somebody sets a password. Throws AppError `rate_limited`.
 */
export async function judgePassword(asked: Judging): Promise<Judgement> {
  const judge = (current ??= startJudge());
  if (judge.waiting.length >= waitingMax)
    throw new AppError('rate_limited', { details: { retryAfterSeconds: 2 } });
  clearTimeout(idle);
  const { promise, resolve, reject } = Promise.withResolvers<Judgement>();
  judge.waiting.push({ resolve, reject });
  judge.thread.ref();
  judge.thread.postMessage(asked);
  return promise;
}

function startJudge(): Judge {
  const thread = new Worker(new URL('./judge-thread.ts', import.meta.url));
  const judge: Judge = { thread, waiting: [] };
  thread.on('message', (judgement: Judgement) => {
    judge.waiting.shift()?.resolve(judgement);
    if (judge.waiting.length > 0) return;
    // Nor does it keep the process from ending.
    thread.unref();
    idle = setTimeout(() => endJudge(judge), idleMs).unref();
  });
  const lost = (error: Error): void => {
    if (current === judge) current = null;
    for (const { reject } of judge.waiting.splice(0)) reject(error);
  };
  thread.on('error', lost);
  thread.on('exit', () => lost(new Error('the thread that judges passwords has ended')));
  return judge;
}

function endJudge(judge: Judge): void {
  if (current === judge) current = null;
  void judge.thread.terminate();
}
