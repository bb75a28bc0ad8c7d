import { fieldOf, listOf, textOf, type Json } from '@hexabase/cluster/drivers/vcluster/host/objects.ts';
import type { TenantClient } from '@hexabase/cluster/port.ts';
import { KubeRefusal } from '@hexabase/cluster/kube-api/call-errors.ts';

/** A tenant decides how large its objects are, and a whole page is in memory at once. */
const pageSize = 100;
/** A tenant decides how much it holds, and we read no more of it than this. */
const pagesMax = 100;

/** A list of a tenant, page by page: the first ten thousand objects. Throws `KubeRefusal` and what the client throws. */
export async function* tenantPages(
  client: TenantClient,
  path: string,
  signal: AbortSignal,
): AsyncGenerator<Json[]> {
  const query = new URLSearchParams({ limit: String(pageSize) });
  for (let page = 0; page < pagesMax; page++) {
    const asked = `${path}${path.includes('?') ? '&' : '?'}${query.toString()}`;
    const answer = await client.request({ method: 'GET', path: asked, signal });
    if (answer.status !== 200) throw new KubeRefusal(path, answer);
    yield listOf(fieldOf(answer.body, 'items'));
    const next = textOf(fieldOf(answer.body, 'metadata', 'continue'));
    if (next === '') return;
    query.set('continue', next);
  }
}
