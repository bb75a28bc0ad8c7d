import type { grant } from '@hexabase/contract/access/grant.ts';
import type { UseCase } from '../run/use-case.ts';
import { listGrantRows } from './store.ts';

type Operations = typeof grant.operations;

export const listGrants: UseCase<Operations['list']> = ({ tx, target, nowMs }, { query }) =>
  listGrantRows(tx, { organizationId: target.organizationId }, { ...query, nowMs });

export const listOwnGrants: UseCase<Operations['mine']> = ({ tx, actor, nowMs }, { query }) =>
  listGrantRows(tx, { userId: actor.userId }, { ...query, nowMs });
