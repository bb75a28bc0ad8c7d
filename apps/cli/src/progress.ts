/** Step n of m, in words. */
export interface ProgressStep {
  step: number;
  steps: number;
  message: string;
}

/**
 * A line that tells what is going on, on standard error. On a terminal it is rewritten in place; elsewhere each new
 * step is a line of its own.
 */
export function progressLine(isTerminal: boolean): { show(progress: ProgressStep): void; end(): void } {
  let last = '';
  return {
    show({ step, steps, message }) {
      const text = `[${step}/${steps}] ${message}`;
      if (text === last) return;
      process.stderr.write(isTerminal ? `\r\u001b[K${text}` : `${text}\n`);
      last = text;
    },
    end() {
      if (isTerminal && last) process.stderr.write('\r\u001b[K');
    },
  };
}
