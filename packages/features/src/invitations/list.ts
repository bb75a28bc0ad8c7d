import type { invitation } from '@hexabase/contract/people/invitation.ts';
import { offsetOf } from '../run/paging.ts';
import type { UseCase } from '../run/use-case.ts';
import { listInvitationRows, receivedInvitations, toInvitation } from './store.ts';

export const listInvitations: UseCase<typeof invitation.operations.list> = async (
  { tx, target, nowMs },
  { query },
) => {
  const page = { limit: query.limit, offset: offsetOf(query) };
  const { rows, total } = await listInvitationRows(tx, target.organizationId, page);
  return { data: rows.map((row) => toInvitation(row, nowMs)), total };
};

export const listReceivedInvitations: UseCase<typeof invitation.operations.received> = (
  { tx, actor, nowMs },
  { query },
) => receivedInvitations(tx, { userId: actor.userId, at: new Date(nowMs) }, query);
