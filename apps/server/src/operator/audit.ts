import { chainAuditEntries, findBrokenLink } from '@hexabase/features/events/chain.ts';
import type { OpenedDatabase } from '@hexabase/postgres/open-database.ts';
import { chainLengths } from './store.ts';

export interface ChainReport {
  /** '' for entries that belong to no organization. */
  organizationId: string;
  length: number;
  /** Sequence of the first entry that was changed, added or removed; null when the chain is whole. */
  broken: number | null;
}

/** Recomputes the hash chain of every organization. Entries without a place yet are given one first. */
export async function verifyAudit(database: OpenedDatabase): Promise<ChainReport[]> {
  while ((await chainAuditEntries(database)) > 0);
  const reports: ChainReport[] = [];
  for (const [organizationId, length] of await chainLengths(database)) {
    reports.push({ organizationId, length, broken: await findBrokenLink(database, organizationId) });
  }
  return reports;
}
