import type { organization } from '@hexabase/contract/organization.ts';
import type { UseCase } from '../run/use-case.ts';
import { listOrganizationRows } from './store.ts';

/** Also those that this session does not reach, and why: whoever is in an organization can know that, and leave it. */
export const listOrganizations: UseCase<typeof organization.operations.list> = async (
  { tx, actor },
  { query },
) => {
  const { data, total } = await listOrganizationRows(tx, actor.userId, query);
  const withheld = new Set<string>(actor.withheld?.map(({ organizationId }) => organizationId));
  const withReason = data.map((one) => ({
    ...one,
    withheld: withheld.has(one.id) ? ('second-factor' as const) : null,
  }));
  return { data: withReason, total };
};
