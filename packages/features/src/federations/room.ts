import { AppError } from '@hexabase/kernel/errors.ts';
import type { Tx } from '@hexabase/postgres/database.ts';
import { countFederations } from './store.ts';

const federationsMax = 100;

/** Whether the organization may have one more, whoever adds it. Throws AppError `conflict`. */
export async function requireRoom(tx: Tx, organizationId: string): Promise<void> {
  if ((await countFederations(tx, organizationId)) < federationsMax) return;
  throw new AppError('conflict', {
    message: `There are ${federationsMax} already; delete those that nobody uses.`,
  });
}
