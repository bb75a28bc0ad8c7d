import type { Database } from '@hexabase/postgres/database.ts';
import { chainHeads } from './chain-store.ts';
import type { AuditSigner, SignedHead } from './signer.ts';

export interface KeptHeads {
  /** All, to be kept from now on; those that did not move are as they were. */
  heads: SignedHead[];
  /** Heads that moved since. */
  moved: SignedHead[];
  /** Chains that are shorter than when their head was kept, or end differently: somebody cut the log. */
  cut: string[];
}

/** Signs the heads that moved since `before`. A head is never replaced by an earlier one. */
export async function headsToKeep(
  database: Pick<Database, 'asWorker'>,
  { signer, before, nowMs }: { signer: AuditSigner; before: readonly SignedHead[]; nowMs: number },
): Promise<KeptHeads> {
  const now = await database.asWorker((tx) => chainHeads(tx), { readOnly: true });
  const known = new Map(before.map((head) => [head.chain, head]));
  const moved: SignedHead[] = [];
  for (const [chain, head] of now) {
    if (head.sequence <= (known.get(chain)?.sequence ?? 0)) continue;
    moved.push(signer.sign('head', { ...head, chain, signedAt: new Date(nowMs).toISOString() }));
  }
  const cut = before.filter(({ chain, sequence, hash }) => {
    const head = now.get(chain);
    return !head || head.sequence < sequence || (head.sequence === sequence && head.hash !== hash);
  });
  const kept = new Map([...known, ...moved.map((head) => [head.chain, head] as const)]);
  return { heads: [...kept.values()], moved, cut: cut.map((head) => head.chain) };
}
