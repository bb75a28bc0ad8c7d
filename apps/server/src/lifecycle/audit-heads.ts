import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { headsToKeep } from '@hexabase/features/audit/keep-heads.ts';
import type { AuditSigner, SignedHead } from '@hexabase/features/audit/signer.ts';
import type { Clock } from '@hexabase/kernel/clock.ts';
import type { Logger } from '@hexabase/kernel/log.ts';
import type { Database } from '@hexabase/postgres/database.ts';
import * as z from 'zod';
import { StartError, writeFileAtomic } from './data-folder.ts';

const signedHeads = z.array(
  z.object({
    chain: z.string(),
    sequence: z.int().nonnegative(),
    hash: z.string(),
    signedAt: z.string(),
    signature: z.string(),
  }),
);

export interface HeadKeeper {
  database: Pick<Database, 'asWorker'>;
  signer: AuditSigner;
  dataDir: string;
  clock: Clock;
  log: Logger;
}

/**
 * Writes the signed ends of the audit chains beside the database and into the log of this process, from where log
 * shippers take them away: who cuts the newest entries off would have to reach those too.
 */
export async function keepAuditHeads({ database, signer, dataDir, clock, log }: HeadKeeper): Promise<void> {
  const path = headsPath(dataDir);
  const before = readHeads(path);
  const { heads, moved, cut } = await headsToKeep(database, { signer, before, nowMs: clock.now() });
  for (const chain of cut)
    log.error({ chain }, 'the audit log is shorter than it was; run `hexabase-cli audit verify`');
  for (const { chain, sequence, hash, signedAt, signature } of moved)
    log.info({ chain, sequence, hash, signedAt, signature }, 'end of the audit log');
  if (moved.length > 0) writeFileAtomic(path, `${JSON.stringify(heads)}\n`, 0o600);
}

/** The heads that were kept in a file; none when it is not there. Throws `StartError` for one that holds something else. */
export function readHeads(path: string): SignedHead[] {
  if (!existsSync(path)) return [];
  try {
    return signedHeads.parse(JSON.parse(readFileSync(path, 'utf8')));
  } catch {
    throw new StartError(`${path} does not hold the heads of an audit log.`);
  }
}

/** Where this installation keeps them. */
export function headsPath(dataDir: string): string {
  return join(dataDir, 'audit-heads.json');
}
