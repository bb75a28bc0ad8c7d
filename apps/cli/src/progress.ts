import type { LongOperation } from '@hexabase/contract/long-operation.ts';

/** Step n of m, in words. */
export interface ProgressStep {
  step: number;
  steps: number;
  message: string;
}

/** Tells what is going on, on standard error. */
export interface ProgressLine {
  /** Each step is shown once, in order; one that was shown before is passed over. */
  show(progress: ProgressStep): void;
  /** Clears the line of a terminal, so that the result stands alone. */
  end(): void;
}

/** On a terminal one line is rewritten in place; elsewhere each new step is a line of its own. */
export function progressLine(
  isTerminal: boolean,
  write: (text: string) => unknown = toStandardError,
): ProgressLine {
  let reached = 0;
  return {
    show({ step, steps, message }) {
      if (step <= reached) return;
      reached = step;
      const text = `[${step}/${steps}] ${message}`;
      write(isTerminal ? `\r\u001b[K${text}` : `${text}\n`);
    },
    end() {
      if (isTerminal && reached > 0) write('\r\u001b[K');
    },
  };
}

/**
 * The steps that an operation has begun, in order. Nobody need have watched: a fast operation is over before the first
 * question, and its steps are still told. An intent says in words what its step does.
 */
export function stepsOf({ events, progress }: Pick<LongOperation, 'events' | 'progress'>): ProgressStep[] {
  const words = new Map<string, string>();
  for (const { step, kind, message } of events)
    if (kind === 'intent' || !words.has(step)) words.set(step, message);
  const steps = Math.max(progress?.steps ?? 0, words.size);
  return [...words].map(([name, message], index) => ({ step: index + 1, steps, message: message || name }));
}

function toStandardError(text: string): void {
  process.stderr.write(text);
}
