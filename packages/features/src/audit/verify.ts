import type { Database } from '@hexabase/postgres/database.ts';
import { allChains, chainedRows, chainHeads, findCheckpoint } from './chain-store.ts';
import { chainStart, linkHash, type ChainHead } from './link-hash.ts';
import type { AuditSigner, SignedHead } from './signer.ts';

export interface ChainReport {
  /** The organization's id, `person:<id>`, or '' for the platform. */
  chain: string;
  /** Entries that are there. */
  entries: number;
  /** Sequence of the entry before the first that is there; 0 unless older ones were pruned. */
  prunedUpTo: number;
  /** Sequence of the first entry that was changed, added or removed; null when the chain is whole. */
  broken: number | null;
  /** What is wrong, in a sentence; null when the chain is whole. */
  problem: string | null;
}

type Doors = Pick<Database, 'asWorker'>;
const batchSize = 1_000;

/** Every chain there is or was. `kept` are heads from outside the database. */
export async function verifyAllChains(
  database: Doors,
  { signer, kept }: { signer: AuditSigner; kept: readonly SignedHead[] },
): Promise<ChainReport[]> {
  const known = await database.asWorker((tx) => allChains(tx));
  const chains = [...new Set([...known, ...kept.map((head) => head.chain)])].sort();
  const reports: ChainReport[] = [];
  for (const chain of chains) {
    const own = kept.filter((head) => head.chain === chain);
    reports.push(await verifyChain(database, chain, { signer, kept: own }));
  }
  return reports;
}

/**
 * Recomputes one chain from its beginning, or from the signed checkpoint where older entries were pruned, and holds it
 * against the heads that were kept elsewhere: a chain whose end was cut off is whole in itself.
 */
export async function verifyChain(
  database: Doors,
  chain: string,
  { signer, kept }: { signer: AuditSigner; kept: readonly SignedHead[] },
): Promise<ChainReport> {
  const checkpoint = await database.asWorker((tx) => findCheckpoint(tx, chain));
  const start: ChainHead = checkpoint ?? chainStart;
  const report = (sequence: number, problem: string | null, broken: number | null = null): ChainReport => ({
    chain,
    entries: sequence - start.sequence,
    prunedUpTo: start.sequence,
    broken,
    problem,
  });
  if (checkpoint && !signer.isOurs('checkpoint', { ...checkpoint, chain }))
    return report(start.sequence, 'the checkpoint of what was pruned is not signed by us', start.sequence);
  const forged = kept.find((head) => !signer.isOurs('head', head));
  if (forged)
    return report(
      start.sequence,
      `a kept head (entry ${forged.sequence}) is not signed by us`,
      forged.sequence,
    );
  const due = new Map(kept.map((head) => [head.sequence, head.hash]));
  const walked = await walk(database, { chain, start, due });
  if (walked.broken !== null)
    return report(
      walked.last.sequence,
      'this entry, or one next to it, was changed, added or removed',
      walked.broken,
    );
  const cut = Math.max(0, ...kept.map((head) => head.sequence));
  if (cut > walked.last.sequence) {
    const problem = `the end is missing: entry ${cut} was there when its head was kept elsewhere`;
    return report(walked.last.sequence, problem, walked.last.sequence + 1);
  }
  return report(walked.last.sequence, null);
}

interface Walk {
  chain: string;
  start: ChainHead;
  /** Hashes that are known from elsewhere, by sequence. */
  due: ReadonlyMap<number, string>;
}

async function walk(
  database: Doors,
  { chain, start, due }: Walk,
): Promise<{ last: ChainHead; broken: number | null }> {
  let last = start;
  for (;;) {
    const query = { chain, after: last.sequence, limit: batchSize };
    const rows = await database.asWorker((tx) => chainedRows(tx, query), { readOnly: true });
    for (const row of rows) {
      const expected = { sequence: last.sequence + 1, hash: linkHash(last, row) };
      const known = due.get(expected.sequence) ?? expected.hash;
      if (Number(row.sequence) !== expected.sequence || row.hash !== expected.hash || row.hash !== known)
        return { last, broken: expected.sequence };
      last = expected;
    }
    if (rows.length < batchSize) break;
  }
  const head = (await database.asWorker((tx) => chainHeads(tx, [chain]))).get(chain);
  const isCut = head !== undefined && head.sequence > last.sequence;
  return { last, broken: isCut ? last.sequence + 1 : null };
}
