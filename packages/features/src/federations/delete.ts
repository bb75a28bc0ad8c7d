import type { federation } from '@hexabase/contract/people/federation.ts';
import type { UseCase } from '../run/use-case.ts';
import { requireFederation } from './find.ts';
import { deleteFederationRow } from './store.ts';

/** What was given for its tokens goes with it. */
export const deleteFederation: UseCase<typeof federation.operations.delete> = async (context, { params }) => {
  const found = await requireFederation(context, params.federation);
  await deleteFederationRow(context.tx, found.id);
  context.note({ name: found.name, serviceAccount: found.serviceAccount });
  return { data: null };
};
