import type { Action } from '@hexabase/contract/action.ts';
import { membershipIn, type Actor, type OrganizationRole } from '@hexabase/kernel/actor.ts';
import type { OrganizationId } from '@hexabase/kernel/id.ts';
import { grantMayDo } from './grant-scope.ts';
import { platformActions, roleActions } from './roles.ts';
import { tokenReaches } from './token-scope.ts';

/** `invisible` must look to the caller exactly as if the thing did not exist (404); `role` may be told (403). */
export type Decision =
  | { allowed: true; role: OrganizationRole | null }
  | { allowed: false; reason: 'invisible' | 'role' };

export interface Resource {
  /** `null` for what belongs to the platform and not to a tenant. */
  organizationId: OrganizationId | null;
  /** The workspace that it is or lies in; tokens for one workspace reach nothing else. */
  workspaceId?: string | null;
}

/** Says whether the actor may do the action there. Pure: roles come from the actor, which the database filled. */
export function decide(actor: Actor, action: Action, resource: Resource): Decision {
  if (resource.organizationId === null) {
    return actor.platformRole !== null && platformActions.includes(action)
      ? { allowed: true, role: null }
      : { allowed: false, reason: 'role' };
  }
  const membership = membershipIn(actor, resource.organizationId);
  if (membership === null || !tokenReaches(actor, resource.workspaceId ?? null))
    return { allowed: false, reason: 'invisible' };
  const { role, grant } = membership;
  const isAllowed = roleActions[role].includes(action) && (!grant || grantMayDo(action));
  return isAllowed ? { allowed: true, role } : { allowed: false, reason: 'role' };
}

const rank: Record<OrganizationRole, number> = { billing: 1, viewer: 1, developer: 2, admin: 3, owner: 4 };

/** Says whether somebody with role `by` may give, take or change role `role`: never one above their own. */
export function mayAssignRole(by: OrganizationRole, role: OrganizationRole): boolean {
  return rank[by] >= rank[role];
}
