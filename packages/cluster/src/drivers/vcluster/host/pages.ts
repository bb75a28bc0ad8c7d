import { KubeCallError, KubeRefusal } from '../../../kube-api/call-errors.ts';
import type { TenantClient, TenantResponse } from '../../../port.ts';
import { fieldOf, isRecord, listOf, textOf, type Json } from './objects.ts';

export interface Page {
  items: Json[];
  isLast: boolean;
}

/** A page that is larger is asked for again in smaller ones: it is in memory as a whole, beside those of everybody else. */
const pageBytesMax = 8 * 1024 * 1024;
/** So few objects are read however large they are: etcd takes 1.5 MiB of one. */
const fewObjects = 5;
const shrinkBy = 10;

/**
 * A collection, page by page. `path` may select some of it; `size` is how many objects a page has that is not too large, `what` what a
 * refusal calls it.
 * Throws `KubeRefusal`, with the status 410 when the list is too old to be continued, and what the client throws.
 */
export async function* pagesOf(
  client: TenantClient,
  { path, size, what = path }: { path: string; size: number; what?: string },
  signal: AbortSignal,
): AsyncGenerator<Page> {
  let proceed = '';
  let limit = size;
  for (;;) {
    const query = new URLSearchParams({ limit: String(limit), ...(proceed && { continue: proceed }) });
    const wanted = `${path}${path.includes('?') ? '&' : '?'}${query.toString()}`;
    const answer = await unlessLarge(client, { path: wanted, isFew: limit <= fewObjects }, signal);
    if (answer === null) {
      limit = Math.ceil(limit / shrinkBy);
      continue;
    }
    if (answer.status !== 200 || !isRecord(answer.body)) throw new KubeRefusal(what, answer);
    proceed = textOf(fieldOf(answer.body, 'metadata', 'continue'));
    yield { items: listOf(answer.body['items']), isLast: proceed === '' };
    if (proceed === '') return;
  }
}

/** Null for a page of many objects that is larger than is to be read at once. */
async function unlessLarge(
  client: TenantClient,
  { path, isFew }: { path: string; isFew: boolean },
  signal: AbortSignal,
): Promise<TenantResponse | null> {
  const limited = isFew ? {} : { answerBytesMax: pageBytesMax };
  try {
    return await client.request({ method: 'GET', path, signal, ...limited });
  } catch (error) {
    if (!isFew && error instanceof KubeCallError && error.reason === 'large') return null;
    throw error;
  }
}
