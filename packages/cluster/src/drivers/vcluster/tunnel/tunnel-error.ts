/** Why there is no way to a pod, in a sentence; `temporary` when trying again may help. */
export class TunnelError extends Error {
  readonly temporary: boolean;
  /** As of a TCP connection that broke: whoever keeps connections repeats a read that was on one. */
  readonly code = 'ECONNRESET';

  constructor(message: string, options: { temporary: boolean; cause?: unknown }) {
    super(message, { cause: options.cause });
    this.name = 'TunnelError';
    this.temporary = options.temporary;
  }
}

/**
 * What the container runtime says on the error channel, shortened to what a person can act on. Known are the words of
 * containerd and CRI-O; others are passed on as they are.
 */
export function forwardFailure(text: string, { pod, port }: { pod: string; port: number }): TunnelError {
  return new TunnelError(sentence(text, `port ${port} of pod ${pod}`), { temporary: true });
}

function sentence(text: string, target: string): string {
  if (/connection refused/i.test(text)) return `nothing listens on ${target} yet, or no longer`;
  if (/connection reset|broken pipe|EOF/i.test(text)) return `${target} closed the connection`;
  if (
    /not running|not found|no such (?:container|sandbox|file)|sandbox .* (?:is )?(?:not|gone)/i.test(text)
  ) {
    return `the pod behind ${target} has stopped`;
  }
  if (/timeout|timed out|deadline/i.test(text)) return `${target} did not answer in time`;
  return `${target} could not be reached: ${text.trim().slice(0, 300)}`;
}
