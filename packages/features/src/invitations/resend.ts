import type { invitation } from '@hexabase/contract/people/invitation.ts';
import { AppError } from '@hexabase/kernel/errors.ts';
import { requireRank } from '../members/public.ts';
import type { UseCase } from '../run/use-case.ts';
import { expiryAfter, newCode, noSuchInvitation, resendAfterMs } from './invitation.ts';
import { sendLetter } from './letter.ts';
import { findOpenInvitation, renewInvitation, toInvitation } from './store.ts';

/** Sends a letter with a new code. Throws `rate_limited` right after the one before, so that nobody's mailbox is flooded. */
export const resendInvitation: UseCase<typeof invitation.operations.resend> = async (context, { params }) => {
  const { tx, target, role, nowMs } = context;
  const row = await findOpenInvitation(tx, target.organizationId, params.invitationId);
  if (!row) throw noSuchInvitation();
  requireRank(role, row.role);
  const waitMs = row.sent_at.getTime() + resendAfterMs - nowMs;
  if (waitMs > 0) {
    throw new AppError('rate_limited', {
      message: 'A letter has just been sent; wait a minute.',
      details: { retryAfterSeconds: Math.ceil(waitMs / 1_000) },
    });
  }
  const { code, hash } = newCode();
  const renewed = { sentAt: new Date(nowMs), expiresAt: expiryAfter(nowMs) };
  await renewInvitation(tx, row.id, { codeHash: hash, ...renewed });
  await sendLetter(context, { email: row.email, role: row.role, code });
  context.note({ email: row.email });
  return { data: toInvitation({ ...row, expires_at: renewed.expiresAt }, nowMs) };
};
