import type { member } from '@hexabase/contract/people/member.ts';
import type { UseCase } from '../run/use-case.ts';
import { listMemberRows } from './store.ts';

export const listMembers: UseCase<typeof member.operations.list> = ({ tx, target }, { query }) =>
  listMemberRows(tx, target.organizationId, query);
