import type { organization } from '@hexabase/contract/organization.ts';
import type { UseCase } from '../run/use-case.ts';
import { getOrganizationRow, readUsage, toOrganization } from './store.ts';

export const getOrganization: UseCase<typeof organization.operations.get> = async ({ tx, target, role }) => {
  const row = await getOrganizationRow(tx, target.id);
  return { data: { ...toOrganization(row, role), usage: await readUsage(tx, target.id) } };
};
