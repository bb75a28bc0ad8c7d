import type { role } from '@hexabase/contract/access/role.ts';
import type { UseCase } from '../run/use-case.ts';
import { listRolePage } from './store.ts';

export const listRoles: UseCase<typeof role.operations.list> = ({ tx, target }, { query }) =>
  listRolePage(tx, target.id, query);
