import { decide } from '@hexabase/authz/decide.ts';
import { tokenMayCall } from '@hexabase/authz/token-scope.ts';
import type { OperationCall } from '@hexabase/contract/call.ts';
import type { Actor, Membership } from '@hexabase/kernel/actor.ts';
import { AppError } from '@hexabase/kernel/errors.ts';
import type { OrganizationId } from '@hexabase/kernel/id.ts';
import type { Tx } from '@hexabase/postgres/database.ts';
import { placeOf } from './resolve.ts';
import { holdAccount, holdAuthority, type Authority } from './store.ts';
import type { ResolvedTarget } from './use-case.ts';
import { isWayOut, secondFactorRequired } from './withheld.ts';

/**
 * Whether a stream that was begun may go on: who asked is looked up anew, with roles and grants as they are now. Throws
 * as authentication does once the session or API token has ended, and AppError `forbidden` for a right that was taken.
 */
export async function requireStill(call: OperationCall, target: ResolvedTarget | null): Promise<void> {
  const actor = await call.askAgain?.();
  if (!actor) return;
  const { access } = call.operation;
  const mayStill =
    tokenMayCall(actor, call.operation) &&
    (!('action' in access) || decide(actor, access.action, placeOf(target)).allowed);
  if (!mayStill) throw new AppError('forbidden');
}

interface Change {
  call: OperationCall;
  actor: Actor;
  nowMs: number;
}

/**
 * Who makes a change, and what it is about, as they are now and stay until its commit. A request may have waited for the
 * lock of its target behind the very one that ends its rights, so what was read when it came decides nothing. Call it
 * with the target locked. Throws `session_ended`, `second_factor_required`.
 */
export async function holdRights(
  tx: Tx,
  { call, actor, nowMs }: Change,
  target: ResolvedTarget,
): Promise<{ actor: Actor; target: ResolvedTarget }> {
  const { organizationId } = target;
  const held = await holdAuthority(tx, { actor, organizationId, at: new Date(nowMs) });
  if (held?.ended) throw new AppError('session_ended');
  if (held?.role && held.asks && !isWayOut(call)) throw secondFactorRequired(target);
  const memberships = actor.memberships.flatMap((membership) =>
    membership.organizationId === organizationId ? membershipBy(held, organizationId) : [membership],
  );
  return {
    actor: { ...actor, memberships },
    target: { ...target, leaving: target.leaving || (held?.leaving ?? false) },
  };
}

/**
 * As `holdRights`, for a change in no organization. Call it last: what is done about accounts in transactions of their own
 * would wait for this one. Throws `session_ended`, `forbidden` for somebody who is no operator of the platform any more.
 */
export async function holdStanding(tx: Tx, { call, actor }: Omit<Change, 'nowMs'>): Promise<void> {
  const held = await holdAccount(tx, actor);
  if (!held || held.ended) throw new AppError('session_ended');
  const { access } = call.operation;
  if (access.kind !== 'platform') return;
  const now = { ...actor, platformRole: held.platform_role };
  if (!decide(now, access.action, placeOf(null)).allowed) throw new AppError('forbidden');
}

function membershipBy(held: Authority | null, organizationId: OrganizationId): Membership[] {
  if (!held?.role) return [];
  const { role, grant_id: id, grant_ends: ends } = held;
  return [{ organizationId, role, ...(id && ends && { grant: { id, expiresAt: ends.toISOString() } }) }];
}
