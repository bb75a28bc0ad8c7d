import type { Database } from '@hexabase/postgres/database.ts';
import { chainHeads, holdChain, unchainedRows, writeChain, type ChainLink } from './chain-store.ts';
import { chainStart, linkHash } from './link-hash.ts';

const batchSize = 1_000;

/**
 * Gives audit entries their place in the hash chain of their organization, person or the platform, one batch; answers how
 * many. Call it again at once while it answers more than none. Requests write entries without a place, so that they never
 * wait for a chain.
 */
export async function chainAuditEntries(database: Pick<Database, 'asWorker'>): Promise<number> {
  return database.asWorker(async (tx) => {
    if (!(await holdChain(tx))) return 0;
    const rows = await unchainedRows(tx, batchSize);
    if (rows.length === 0) return 0;
    const heads = await chainHeads(tx, [...new Set(rows.map((row) => row.chain))]);
    const links: ChainLink[] = rows.map((row) => {
      const previous = heads.get(row.chain) ?? chainStart;
      const head = { sequence: previous.sequence + 1, hash: linkHash(previous, row) };
      heads.set(row.chain, head);
      return { ...head, id: row.id };
    });
    await writeChain(tx, links, heads);
    return links.length;
  });
}
