import type { Database } from '@hexabase/postgres/database.ts';
import { newId } from '@hexabase/kernel/id.ts';
import { insertAuditEntry } from '../run/store.ts';
import { holdChain, prunable, removePruned, saveCheckpoint } from './chain-store.ts';
import type { AuditSigner } from './signer.ts';

/**
 * Removes entries that are older than the plan of their organization keeps (a year for people and the platform); answers
 * how many. The place where the rest begins is signed first, so that it can still be verified, and the log says that and
 * up to where it was shortened.
 */
export async function pruneAudit(
  database: Pick<Database, 'asWorker'>,
  { signer, nowMs }: { signer: AuditSigner; nowMs: number },
): Promise<number> {
  const found = await database.asWorker((tx) => prunable(tx), { readOnly: true });
  let total = 0;
  for (const { chain, head } of found) {
    total += await database.asWorker(async (tx) => {
      if (!(await holdChain(tx))) return 0;
      const signed = signer.sign('checkpoint', { ...head, chain, signedAt: new Date(nowMs).toISOString() });
      await saveCheckpoint(tx, chain, signed);
      const removed = await removePruned(tx, chain);
      const isPerson = chain.startsWith('person:');
      await insertAuditEntry(tx, {
        id: newId(nowMs),
        organizationId: isPerson || chain === '' ? null : chain,
        personId: isPerson ? chain.slice('person:'.length) : null,
        actorId: null,
        actorEmail: null,
        action: 'audit.prune',
        target: 'audit',
        outcome: 'allowed',
        requestId: '',
        details: { removed, upTo: head.sequence },
        createdAt: new Date(nowMs),
      });
      return removed;
    });
  }
  return total;
}
