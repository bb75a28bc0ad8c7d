import { AppError } from '@hexabase/kernel/errors.ts';
import { KubeCallError, KubeRefusal } from '../../../kube-api/call-errors.ts';

/**
 * Says in a sentence what stands between us and a host cluster: rejects with AppError `cluster_unavailable` in place of
 * `KubeCallError` and `KubeRefusal`. Everything else passes as it is.
 */
export async function inWords<T>(hostName: string, work: Promise<T>): Promise<T> {
  try {
    return await work;
  } catch (cause) {
    const said = sentence(cause);
    if (said === null) throw cause;
    throw new AppError('cluster_unavailable', { message: `The host cluster ${hostName} ${said}`, cause });
  }
}

/** What follows “The host cluster NAME”; null for what is no answer of a host. */
function sentence(error: unknown): string | null {
  if (error instanceof KubeCallError) return unanswered(error);
  if (!(error instanceof KubeRefusal)) return null;
  if (error.status === 401)
    return 'does not accept our credentials any more; its administrator has to give new ones.';
  if (error.status === 403) return `refuses us something: ${error.message}`;
  return `answers with an error; it is tried again: ${error.message}`;
}

function unanswered({ reason, retryAfterMs }: KubeCallError): string {
  switch (reason) {
    case 'unreachable':
      return 'cannot be reached; it is tried again.';
    case 'timeout':
      return 'does not answer in time; it is tried again.';
    case 'untrusted':
      return 'shows a certificate that is not to be trusted; nothing was sent to it.';
    case 'large':
      return 'answers more than is read at once; it is tried again.';
    case 'busy':
      return `is busy and asked us to come again in ${Math.ceil((retryAfterMs ?? 0) / 1000)} s.`;
  }
}
