import type { invitation } from '@hexabase/contract/people/invitation.ts';
import type { UseCase } from '../run/use-case.ts';
import { noSuchInvitation } from './invitation.ts';
import { findOpenInvitation, revokeInvitationRow } from './store.ts';

export const revokeInvitation: UseCase<typeof invitation.operations.revoke> = async (context, { params }) => {
  const { tx, target, nowMs } = context;
  const row = await findOpenInvitation(tx, target.organizationId, params.invitationId);
  if (!row) throw noSuchInvitation();
  await revokeInvitationRow(tx, row.id, new Date(nowMs));
  context.note({ email: row.email });
  return { data: null };
};
