import { KubeCallError, KubeRefusal } from '../../../kube-api/call-errors.ts';
import type { TenantClient, TenantResponse } from '../../../port.ts';
import { fieldOf, listOf, textOf, type Json } from './objects.ts';

export interface Page {
  items: Json[];
  isLast: boolean;
}

/** A page that is larger is asked for again in smaller ones: it is in memory as a whole, beside those of everybody else. */
const pageBytesMax = 8 * 1024 * 1024;
/** So few objects are read however large they are: etcd takes 1.5 MiB of one. */
const fewObjects = 5;
const shrinkBy = 10;

export interface Paged {
  /** May select some of the collection. */
  path: string;
  /** Objects of a page that is not too large. */
  size: number;
  /** What is thrown for an answer that is no list: 410 where the list is too old to be continued. A `KubeRefusal` when absent. */
  refused?: (answer: TenantResponse) => Error;
}

/** A collection, page by page. Throws what `refused` answers and what the client throws. */
export async function* pagesOf(
  client: TenantClient,
  { path, size, refused = (answer) => new KubeRefusal(path, answer) }: Paged,
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
    const items = fieldOf(answer.body, 'items');
    // Whatever stands before an API may answer 200 as well: that is no empty list.
    if (answer.status !== 200 || !(Array.isArray(items) || items === null)) throw refused(answer);
    proceed = textOf(fieldOf(answer.body, 'metadata', 'continue'));
    yield { items: listOf(items), isLast: proceed === '' };
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
