import type { Json } from '@hexabase/cluster/drivers/vcluster/host/objects.ts';
import { pagesOf } from '@hexabase/cluster/drivers/vcluster/host/pages.ts';
import type { TenantClient } from '@hexabase/cluster/port.ts';

/** A tenant decides how large its objects are, and a whole page is in memory at once. */
const pageSize = 100;
/** A tenant decides how much it holds, and we read no more of it than this. */
const objectsMax = 10_000;

/** A list of a tenant, page by page: the first ten thousand objects. Throws `KubeRefusal` and what the client throws. */
export async function* tenantPages(
  client: TenantClient,
  path: string,
  signal: AbortSignal,
): AsyncGenerator<Json[]> {
  let count = 0;
  for await (const { items } of pagesOf(client, { path, size: pageSize }, signal)) {
    yield items;
    count += items.length;
    if (count >= objectsMax) return;
  }
}
