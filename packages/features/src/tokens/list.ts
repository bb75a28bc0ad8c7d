import type { token } from '@hexabase/contract/people/token.ts';
import type { UseCase } from '../run/use-case.ts';
import { listTokenRows } from './store.ts';

export const listTokens: UseCase<typeof token.operations.list> = ({ tx, actor }, { query }) =>
  listTokenRows(tx, { userId: actor.userId, organizationId: null }, query);
