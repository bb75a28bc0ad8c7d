import { serviceAccountEmail, type serviceAccount } from '@hexabase/contract/people/service-account.ts';
import { AppError } from '@hexabase/kernel/errors.ts';
import { newId } from '@hexabase/kernel/id.ts';
import { requireRank } from '../members/public.ts';
import type { UseCase } from '../run/use-case.ts';
import { requireServiceAccount } from './find.ts';
import { countServiceAccounts, insertServiceAccount, organizationSlug } from './store.ts';

const serviceAccountsMax = 100;

/** Throws `already_exists`, and `conflict` when there are too many. */
export const createServiceAccount: UseCase<typeof serviceAccount.operations.create> = async (
  context,
  { body },
) => {
  const { tx, target, role, nowMs } = context;
  requireRank(role, body.role);
  // The row of the organization is locked: two at once cannot both take the last place.
  if ((await countServiceAccounts(tx, target.organizationId)) >= serviceAccountsMax) {
    throw new AppError('conflict', {
      message: `There are ${serviceAccountsMax} service accounts; delete those that nobody uses.`,
    });
  }
  const id = newId(nowMs);
  const made = await insertServiceAccount(tx, {
    id,
    organizationId: target.organizationId,
    email: serviceAccountEmail(body.name, await organizationSlug(tx, target.organizationId)),
    displayName: body.displayName ?? body.name,
    role: body.role,
    createdAt: new Date(nowMs),
  });
  if (!made) throw new AppError('already_exists');
  context.note({ name: body.name, role: body.role });
  return { data: await requireServiceAccount(context, id) };
};
