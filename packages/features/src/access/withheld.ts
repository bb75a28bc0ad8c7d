import { kubernetesGroups, tokenGroupsMax, type EffectiveAccess } from '@hexabase/authz/effective-access.ts';
import { AppError } from '@hexabase/kernel/errors.ts';
import type { TargetContext } from '../run/use-case.ts';
import { findShutOut } from './withheld-store.ts';
import { untilSecondFactor, whileDisabled } from './words.ts';

const fewerGroups =
  'roles here have to be given to fewer of their groups: to one above them, or to the person';

/** Why somebody can use nothing of what they have in the workspace now, in words; null when they can. */
export async function whyWithheld(
  { tx, target, nowMs }: TargetContext,
  { access, disabled }: { access: EffectiveAccess; disabled: boolean },
): Promise<string | null> {
  if (disabled) return whileDisabled;
  const { userId } = access;
  const asked = { organizationId: target.organizationId, userIds: [userId] };
  if ((await findShutOut(tx, asked, nowMs)).has(userId)) return untilSecondFactor;
  const { length } = kubernetesGroups(access);
  if (length <= tokenGroupsMax) return null;
  return `Withheld, since their token would name ${length} groups, and names ${tokenGroupsMax} at most: ${fewerGroups}.`;
}

/** Throws `conflict` for who has more groups in the workspace than a token can carry to it. */
export function requireTokenRoom({ length }: readonly string[]): void {
  if (length <= tokenGroupsMax) return;
  throw new AppError('conflict', {
    message:
      `Your token for this workspace would name ${length} groups, and names ${tokenGroupsMax} at most. Ask an ` +
      'administrator to give roles here to fewer of your groups: to one above them, or to you.',
    details: { limit: tokenGroupsMax, used: length, howTo: 'hks access explain' },
  });
}
