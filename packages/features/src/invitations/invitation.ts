import { hash, randomBytes } from 'node:crypto';
import { AppError } from '@hexabase/kernel/errors.ts';

/** Days that a letter's code works. */
export const invitationDays = 7;
export const openInvitationsMax = 200;
/** Between two letters to the same person. */
export const resendAfterMs = 60_000;

const dayMs = 86_400_000;

/** The code of one letter: 256 random bits; only its hash is kept. */
export function newCode(): { code: string; hash: string } {
  const code = `hks_inv_${randomBytes(32).toString('base64url')}`;
  return { code, hash: hashOfCode(code) };
}

export function hashOfCode(code: string): string {
  return hash('sha256', code, 'base64url');
}

export function expiryAfter(nowMs: number): Date {
  return new Date(nowMs + invitationDays * dayMs);
}

/** The same words for every reason, so that nobody learns whether an invitation exists. */
export function noSuchInvitation(): AppError {
  return new AppError('not_found', {
    message: 'This invitation does not exist, has ended, or is for another e-mail address than yours.',
  });
}
