import type { Federation } from '@hexabase/contract/people/federation.ts';
import { AppError } from '@hexabase/kernel/errors.ts';
import type { TargetContext } from '../run/use-case.ts';
import { findFederationRow } from './store.ts';

/** The one of the target's organization by name or id. Throws `not_found`. */
export async function requireFederation(
  { tx, target }: TargetContext,
  reference: string,
): Promise<Federation> {
  const found = await findFederationRow(tx, target.organizationId, reference);
  if (!found) throw new AppError('not_found');
  return found;
}
