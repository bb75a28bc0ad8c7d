import type { OperationCall } from '@hexabase/contract/call.ts';
import type { Actor } from '@hexabase/kernel/actor.ts';
import { AppError, isAppError } from '@hexabase/kernel/errors.ts';
import type { OrganizationId } from '@hexabase/kernel/id.ts';
import type { Ports } from './ports.ts';
import { organizationIn, resolveTarget } from './resolve.ts';
import type { ResolvedTarget } from './use-case.ts';

/** What a session without a second factor may know of organizations that ask for one: that it is in them. */
const knownAnyway: ReadonlySet<string> = new Set(['organization.list']);

/** The way out of them. Nobody asked a member before the second factor was asked for, or before they were added. */
const wayOut: ReadonlySet<string> = new Set(['organization.leave']);

export function isWayOut({ operation }: OperationCall): boolean {
  return wayOut.has(operation.id);
}

/** The actor as one call sees them: for the way out of an organization they are in it, second factor or not. */
export function actorFor(call: OperationCall, actor: Actor): Actor {
  const { memberships, withheld = [] } = actor;
  if (withheld.length === 0 || !isWayOut(call)) return actor;
  const letIn = withheld.filter(({ grant }) => grant);
  return {
    ...actor,
    memberships: [...memberships, ...withheld.filter(({ grant }) => !grant)],
    withheld: letIn,
  };
}

/** The organizations that the transaction of a call sees. */
export function scopeOf(call: OperationCall, { memberships, withheld = [] }: Actor): OrganizationId[] {
  const seen = knownAnyway.has(call.operation.id) ? [...memberships, ...withheld] : memberships;
  return seen.map((membership) => membership.organizationId);
}

/**
 * Organizations that ask for a second factor do not exist for a session without one. Whoever is in them is told why:
 * finds, after a refusal, whether the call was about one of them.
 */
export async function withheldTarget(
  ports: Ports,
  { call, actor, error }: { call: OperationCall; actor: Actor; error: unknown },
): Promise<ResolvedTarget | null> {
  const { withheld = [] } = actor;
  if (withheld.length === 0 || !(isAppError(error, 'not_found') || isAppError(error, 'conflict')))
    return null;
  if (!namesOrganization(call, actor)) return null;
  const scope = {
    userId: actor.userId,
    organizationIds: withheld.map((membership) => membership.organizationId),
  };
  const look = { ...actor, memberships: withheld };
  return ports.database
    .asTenant(scope, (tx) => resolveTarget(tx, call, look))
    .catch((cause: unknown) => {
      if (isAppError(cause, 'not_found')) return null;
      throw cause;
    });
}

/** How somebody shows a second factor, for `howTo`. */
export const showSecondFactor = 'hks login, then hks second-factor add-totp (or add-passkey)';

/** The refusal for those who are in the organization and signed in without a second factor. */
export function secondFactorRequired(target: ResolvedTarget): AppError {
  return new AppError('second_factor_required', {
    message:
      'This organization asks its members for a second factor, and this session was started without one. ' +
      'Sign in again and add one within five minutes, or sign in with the one that you have. You can also leave it ' +
      `(hks organization leave ${target.organizationId}).`,
    details: {
      organizationId: target.organizationId,
      howTo: showSecondFactor,
    },
  });
}

/** Without a target of its own a call falls to the organization that it names, or to the first of the actor. */
function namesOrganization({ operation, query, body }: OperationCall, { memberships }: Actor): boolean {
  const named = (organizationIn(query) ?? organizationIn(body)) !== undefined;
  if (operation.access.kind !== 'action') return operation.access.kind === 'authenticated' && named;
  return operation.target !== 'none' || named || memberships.length === 0;
}
