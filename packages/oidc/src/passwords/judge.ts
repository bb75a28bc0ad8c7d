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
  waiting: Map<number, Waiting>;
}

let current: Judge | null = null;
let last = 0;
let idle: NodeJS.Timeout | undefined;

/**
 * How hard a password is to guess. A thread of its own does it: nobody else is kept waiting meanwhile. Its dictionaries
 * need about 9 MB, so it is there only while somebody sets a password. Throws AppError `rate_limited`.
 */
export async function judgePassword(asked: Omit<Judging, 'id'>): Promise<Omit<Judgement, 'id'>> {
  const judge = (current ??= startJudge());
  if (judge.waiting.size >= waitingMax)
    throw new AppError('rate_limited', { details: { retryAfterSeconds: 2 } });
  clearTimeout(idle);
  last += 1;
  const id = last;
  const { promise, resolve, reject } = Promise.withResolvers<Judgement>();
  judge.waiting.set(id, { resolve, reject });
  judge.thread.ref();
  judge.thread.postMessage({ id, ...asked } satisfies Judging);
  return promise;
}

function startJudge(): Judge {
  const thread = new Worker(new URL('./judge-thread.ts', import.meta.url));
  const judge: Judge = { thread, waiting: new Map() };
  thread.on('message', (judgement: Judgement) => {
    judge.waiting.get(judgement.id)?.resolve(judgement);
    judge.waiting.delete(judgement.id);
    if (judge.waiting.size > 0) return;
    // Nor does it keep the process from ending.
    thread.unref();
    idle = setTimeout(() => endJudge(judge), idleMs).unref();
  });
  const lost = (error: Error): void => {
    if (current === judge) current = null;
    for (const { reject } of judge.waiting.values()) reject(error);
    judge.waiting.clear();
  };
  thread.on('error', lost);
  thread.on('exit', () => lost(new Error('the thread that judges passwords has ended')));
  return judge;
}

function endJudge(judge: Judge): void {
  if (current === judge) current = null;
  void judge.thread.terminate();
}
