import type { federation } from '@hexabase/contract/people/federation.ts';
import { AppError } from '@hexabase/kernel/errors.ts';
import { newId } from '@hexabase/kernel/id.ts';
import { requireRank } from '../members/public.ts';
import { workspaceInScope } from '../run/resolve.ts';
import type { UseCase } from '../run/use-case.ts';
import { requireServiceAccount } from '../service-accounts/public.ts';
import { requireFederation } from './find.ts';
import { requireRoom } from './room.ts';
import { insertFederation } from './store.ts';

/** Throws `not_found` for a service account or workspace that is none of the organization's, `already_exists`, `conflict`. */
export const createFederation: UseCase<typeof federation.operations.create> = async (context, { body }) => {
  const { tx, target, role, actor, nowMs } = context;
  const account = await requireServiceAccount(context, body.serviceAccount);
  // Whoever lets a machine in as this account has its role.
  requireRank(role, account.role);
  // The row of the organization is locked: two at once cannot both take the last place.
  await requireRoom(tx, target.organizationId);
  const id = newId(nowMs);
  const workspaceId = await workspaceInScope(tx, body.scope, [target.organizationId]);
  const { name, issuer, audience, conditions } = body;
  const made = await insertFederation(tx, {
    id,
    organizationId: target.organizationId,
    userId: account.id,
    name,
    issuer,
    audience,
    conditions,
    scope: workspaceId === null ? body.scope : 'workspace',
    workspaceId,
    createdBy: actor.userId,
    createdAt: new Date(nowMs),
  });
  if (!made) throw new AppError('already_exists');
  context.note({ name, serviceAccount: account.name, issuer, audience, conditions, scope: body.scope });
  return { data: await requireFederation(context, id) };
};
