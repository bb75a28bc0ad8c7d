import type { ServiceAccount } from '@hexabase/contract/people/service-account.ts';
import { AppError } from '@hexabase/kernel/errors.ts';
import type { TargetContext } from '../run/use-case.ts';
import { findServiceAccountRow } from './store.ts';

/** The service account of the target's organization by name, e-mail or id. Throws `not_found`. */
export async function requireServiceAccount(
  { tx, target }: TargetContext,
  reference: string,
): Promise<ServiceAccount> {
  const found = await findServiceAccountRow(tx, target.organizationId, reference);
  if (!found) throw new AppError('not_found');
  return found;
}
