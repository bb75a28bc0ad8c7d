import type { KeyVault } from '@hexabase/kernel/key-vault.ts';
import type { Database } from '@hexabase/postgres/database.ts';
import * as z from 'zod';
import {
  authorityInFolder,
  type AuthorityKeeper,
  type NamedCertificate,
} from '../certificates/load-certificates.ts';
import { changeMemory, holdMemory, readMemory } from './store.ts';

/** Where an installation's authority lies. */
export interface AuthorityPlace {
  database: Pick<Database, 'asWorker'>;
  vault: KeyVault;
  /** Folder of the data folder in which an earlier version kept it. */
  dir: string;
}

const stored = z.object({ names: z.array(z.string()), certPem: z.string(), keyPem: z.string() });
const context = 'hexabase.installation/authority';

/**
 * Keeps the authority in the database, sealed, for all replicas. The one that an earlier version left in the data folder is
 * taken over; its file stays and is not read any more.
 */
export function keepAuthority({ database, vault, dir }: AuthorityPlace): AuthorityKeeper {
  return {
    keep: (choose) =>
      database.asWorker(async (tx) => {
        const { authority } = await holdMemory(tx);
        const found = authority === null ? await authorityInFolder(dir) : opened(vault, authority);
        const chosen = choose(found);
        if (authority === null || chosen !== found)
          await changeMemory(tx, { authority: sealed(vault, chosen) });
        return chosen;
      }),
  };
}

/** PEM of the authority; null before the first start. */
export async function findAuthority({ database, vault, dir }: AuthorityPlace): Promise<string | null> {
  const { authority } = await database.asWorker(readMemory);
  const found = authority === null ? await authorityInFolder(dir) : opened(vault, authority);
  return found?.certPem ?? null;
}

function sealed(vault: KeyVault, pair: NamedCertificate): string {
  return vault.seal(Buffer.from(JSON.stringify(pair)), context);
}

function opened(vault: KeyVault, text: string): NamedCertificate {
  return stored.parse(JSON.parse(vault.open(text, context).toString()));
}
