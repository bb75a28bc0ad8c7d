import type { federation } from '@hexabase/contract/people/federation.ts';
import type { UseCase } from '../run/use-case.ts';
import { requireFederation } from './find.ts';

export const getFederation: UseCase<typeof federation.operations.get> = async (context, { params }) => ({
  data: await requireFederation(context, params.federation),
});
