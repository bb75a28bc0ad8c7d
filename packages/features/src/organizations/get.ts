import type { organization } from '@hexabase/contract/organization.ts';
import type { UseCase } from '../run/use-case.ts';
import { getOrganizationRow, toOrganization } from './store.ts';

export const getOrganization: UseCase<typeof organization.operations.get> = async ({ tx, target, role }) => ({
  data: toOrganization(await getOrganizationRow(tx, target.id), role),
});
