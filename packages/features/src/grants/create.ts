import type { grant, Grant, GrantLevel } from '@hexabase/contract/access/grant.ts';
import { membershipIn } from '@hexabase/kernel/actor.ts';
import { AppError } from '@hexabase/kernel/errors.ts';
import { brandId, newId } from '@hexabase/kernel/id.ts';
import { revokeUsers } from '../access/public.ts';
import { widenScope } from '../organizations/public.ts';
import type { Context, UseCase } from '../run/use-case.ts';
import { tellOwners } from './letter.ts';
import {
  findOperatorId,
  findOrganizationForOperator,
  insertGrant,
  type NewGrant,
  type Operator,
} from './store.ts';

type Operations = typeof grant.operations;
const hourMs = 3_600_000;

/**
 * An owner lets an operator in. Who runs the platform is not told to tenants: for any other address the answer, the list and
 * the log are the same, and the grant lets nobody in, then or later.
 */
export const createGrant: UseCase<Operations['create']> = async (context, { body }) => {
  const email = body.operator;
  const operator = { id: await findOperatorId(context.tx, email), email };
  const organizationId = context.target.organizationId;
  return { data: await letIn(context, { ...body, organizationId, operator, kind: 'granted' }) };
};

/**
 * An operator lets themselves in, and everybody who owns the organization is told in the same transaction. Throws
 * `not_found`, `conflict` for a member.
 */
export const breakGlass: UseCase<Operations['breakGlass']> = async (context, { body }) => {
  const { tx, actor } = context;
  const found = await findOrganizationForOperator(tx, body.organization);
  if (!found) throw new AppError('not_found', { message: 'There is no such organization.' });
  const membership = membershipIn(actor, found.id);
  if (membership && !membership.grant) {
    throw new AppError('conflict', { message: 'You are a member of this organization already.' });
  }
  await widenScope(tx, found.id);
  const operator = { id: actor.userId, email: actor.email };
  const made = await letIn(context, { ...body, organizationId: found.id, operator, kind: 'break-glass' });
  context.recordIn(brandId(found.id), `grant/${made.id}`);
  await tellOwners(context, { organization: found, made });
  return { data: made };
};

interface LetIn {
  organizationId: string;
  operator: Operator;
  kind: Grant['kind'];
  level: GrantLevel;
  reason: string;
  hours: number;
}

async function letIn(context: Context, { hours, ...asked }: LetIn): Promise<Grant> {
  const { tx, actor, nowMs } = context;
  const row: NewGrant = {
    ...asked,
    id: newId(nowMs),
    grantedBy: actor.userId,
    createdAt: new Date(nowMs),
    expiresAt: new Date(nowMs + hours * hourMs),
  };
  const made = await insertGrant(tx, row);
  // What was computed of their rights here before is void; what they have open elsewhere goes on.
  const { id } = asked.operator;
  await revokeUsers(tx, asked.organizationId, id === null ? [] : [id]);
  const { operator, level, kind, reason } = asked;
  context.note({ grant: row.id, operator: operator.email, level, kind, reason, until: row.expiresAt });
  return made;
}
