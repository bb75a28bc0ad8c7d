import type { organization } from '@hexabase/contract/organization.ts';
import type { UseCase } from '../run/use-case.ts';
import { listOrganizationRows } from './store.ts';

export const listOrganizations: UseCase<typeof organization.operations.list> = ({ tx, actor }, { query }) =>
  listOrganizationRows(tx, actor.userId, query);
