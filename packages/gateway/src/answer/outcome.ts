import type { IncomingMessage, ServerResponse } from 'node:http';
import { isBodiless } from '../request-headers.ts';
import type { RequestVerb } from '../request-verb.ts';
import type { Told } from './access-entry.ts';
import { onStatus } from './told-status.ts';

/** How one request ends, whether or not its client stays to hear of it. */
export interface Outcome {
  /** Whether nobody waits for the answer any more. */
  isOver(): boolean;
  /** Calls `leave` then, once; of several only the last. */
  whenOver(leave: () => void): void;
  /** Aborted then; for the few who need one, as making and ending it costs more than all else here. */
  signal(): AbortSignal;
  /** From here on the cluster may have it. */
  sent(): void;
  /** The cluster has it and will not say what became of it. */
  lost(): void;
  /** Ends it now. */
  end(): void;
}

/** As long as API servers work on a request (`--request-timeout`). */
const answerAwaitedMs = 60_000;
/** One for all: an `AbortController` that is given none makes an exception with its stack for each request. */
const ended = new Error('the request is over');

/**
 * Tells once what became of a request: of a change as soon as its status is known, however long its answer takes to be read; of
 * the others when they end. `over` is called when it ends. A change whose client hangs up goes on in the cluster: nobody hides what they did by not
 * waiting for the answer, and what no answer comes for is told as unknown, never as not done.
 */
export function followOutcome(
  { request, response, verb }: { request: IncomingMessage; response: ServerResponse; verb: RequestVerb },
  tell: (told: Told) => void,
  over: () => void = () => {},
): Outcome {
  let gone: AbortController | null = null;
  let leave = () => {};
  let isSent = false;
  let isLost = false;
  let isOver = false;
  let isTold = false;
  let timer: NodeJS.Timeout | undefined;

  /** The cluster has got a change and has not answered it. */
  const isPending = () => isSent && !verb.readOnly && !response.headersSent;

  function finish(): void {
    if (isOver) return;
    isOver = true;
    clearTimeout(timer);
    gone?.abort(ended);
    leave();
    over();
    tellEnd();
  }

  function tellEnd(): void {
    if (isTold) return;
    isTold = true;
    const status = response.headersSent ? response.statusCode : 0;
    const unknown = isLost || isPending();
    tell({ status, stage: 'ended', ...(unknown && { unknown }) });
  }

  if (!verb.readOnly || verb.longRunning) {
    onStatus(response, (status) => {
      if (verb.longRunning && status < 400) tell({ status, stage: 'started' });
      if (!verb.longRunning) tellEnd();
      if (response.destroyed) finish();
    });
  }
  response.once('close', () => {
    const goesOn = isPending() && !verb.longRunning && isWhole(request);
    if (goesOn) timer = setTimeout(finish, answerAwaitedMs).unref();
    else finish();
  });
  return {
    isOver: () => isOver,
    whenOver: (done) => void (leave = done),
    signal() {
      gone ??= new AbortController();
      if (isOver) gone.abort(ended);
      return gone.signal;
    },
    sent: () => void (isSent = true),
    lost: () => void (isLost = true),
    end: () => (response.destroy(), finish()),
  };
}

/** All of it came, so that the cluster can be given all of it. */
function isWhole(request: IncomingMessage): boolean {
  return request.complete && (request.readableEnded || isBodiless(request));
}
