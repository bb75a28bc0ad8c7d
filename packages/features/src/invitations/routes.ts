import { invitation } from '@hexabase/contract/people/invitation.ts';
import { bind } from '../run/use-case.ts';
import { acceptInvitation, declineInvitation } from './answer.ts';
import { createInvitation } from './create.ts';
import { listInvitations, listReceivedInvitations } from './list.ts';
import { resendInvitation } from './resend.ts';
import { revokeInvitation } from './revoke.ts';

const { operations } = invitation;

export const invitationRoutes = [
  bind(operations.list, listInvitations),
  bind(operations.create, createInvitation),
  bind(operations.resend, resendInvitation),
  bind(operations.revoke, revokeInvitation),
  bind(operations.received, listReceivedInvitations),
  bind(operations.accept, acceptInvitation),
  bind(operations.decline, declineInvitation),
];
