import type { organization } from '@hexabase/contract/organization.ts';
import { AppError } from '@hexabase/kernel/errors.ts';
import type { UseCase } from '../run/use-case.ts';
import { showSecondFactor } from '../run/withheld.ts';
import { hasShownFactor, lookAgainAtMembers, toOrganization, updateOrganizationRow } from './store.ts';

/**
 * Asks every member for a second factor from the next request on, open connections included; API tokens go on. Throws
 * `conflict` for an owner who has shown none in this session: nobody locks themselves out unknowingly.
 */
export const requireSecondFactor: UseCase<typeof organization.operations.requireSecondFactor> = async (
  { tx, actor, target, role, note },
  { body },
) => {
  const required = body.mode === 'required';
  if (required && !(await hasShownFactor(tx, actor))) {
    throw new AppError('conflict', {
      message: 'Add a second factor of your own first, or sign in with it: else this would lock you out.',
      details: { howTo: showSecondFactor },
    });
  }
  note({ required });
  const row = await updateOrganizationRow(tx, target.id, { require_second_factor: required });
  await lookAgainAtMembers(tx, target.id);
  return { data: toOrganization(row, role) };
};
