import type { role } from '@hexabase/contract/access/role.ts';
import { offsetOf, orderBy } from '../run/paging.ts';
import type { UseCase } from '../run/use-case.ts';
import { listRoles as list } from './store.ts';

export const listRoles: UseCase<typeof role.operations.list> = async ({ tx, target }, { query }) => {
  const roles = await list(tx, target.id);
  if (query.sort !== undefined) {
    const { direction } = orderBy(query.sort, { name: 'name' }, { column: 'name', direction: 'asc' });
    roles.sort((a, b) => a.name.localeCompare(b.name) * (direction === 'asc' ? 1 : -1));
  }
  const start = offsetOf(query);
  return { data: roles.slice(start, start + query.limit), total: roles.length };
};
