import type { OrganizationRole } from '@hexabase/kernel/actor.ts';
import { mayAssignRole } from './decide.ts';
import { roleActions } from './roles.ts';

/**
 * Whether somebody with role `by` may promise this in an invitation. Asked when it is written, and again when it is
 * accepted: an invitation is worth what its author could give at that moment.
 */
export function mayInvite(
  by: OrganizationRole,
  { role, intoGroups }: { role: OrganizationRole; intoGroups: boolean },
): boolean {
  const may = roleActions[by];
  return (
    may.includes('invitation:manage') &&
    mayAssignRole(by, role) &&
    (!intoGroups || may.includes('group:manage'))
  );
}

/** The roles that somebody with role `by` may invite people to, into groups or not. */
export function rolesToInvite(by: OrganizationRole): OrganizationRole[] {
  const roles: readonly OrganizationRole[] = ['owner', 'admin', 'developer', 'viewer', 'billing'];
  return roles.filter((role) => mayInvite(by, { role, intoGroups: true }));
}
