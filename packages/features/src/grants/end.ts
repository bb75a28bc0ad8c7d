import type { grant } from '@hexabase/contract/access/grant.ts';
import { AppError } from '@hexabase/kernel/errors.ts';
import { brandId } from '@hexabase/kernel/id.ts';
import { revokeUsers } from '../access/public.ts';
import { widenScope } from '../organizations/public.ts';
import type { Context, UseCase } from '../run/use-case.ts';
import { endGrant, type GrantScope } from './store.ts';

type Operations = typeof grant.operations;

/** An owner ends it: at the API with the next request, at the gateway with the commit. */
export const revokeGrant: UseCase<Operations['revoke']> = async (context, { params }) => {
  await end(context, { organizationId: context.target.organizationId }, params.grant);
  return { data: null };
};

/** The operator gives it back; that is in the organization's log. */
export const endOwnGrant: UseCase<Operations['end']> = async (context, { params }) => {
  const { organizationId } = await end(context, { userId: context.actor.userId }, params.id);
  await widenScope(context.tx, organizationId);
  context.recordIn(brandId(organizationId), `grant/${params.id}`);
  return { data: null };
};

async function end(context: Context, scope: GrantScope, id: string): Promise<{ organizationId: string }> {
  const { tx, actor, nowMs } = context;
  const ended = await endGrant(tx, scope, { id, by: actor.userId, at: new Date(nowMs) });
  if (!ended) throw new AppError('not_found');
  await revokeUsers(tx, ended.organizationId, ended.userId === null ? [] : [ended.userId]);
  context.note({ grant: id, operator: ended.operator });
  return ended;
}
