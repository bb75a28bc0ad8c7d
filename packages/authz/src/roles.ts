import type { Action } from '@hexabase/contract/action.ts';
import { resources } from '@hexabase/contract/index.ts';
import type { Resource } from '@hexabase/contract/resource.ts';
import type { OrganizationRole } from '@hexabase/kernel/actor.ts';

const viewer = [
  'organization:read',
  'member:read',
  'workspace:read',
  'workspace:connect',
  'project:read',
  'operation:read',
] as const satisfies readonly Action[];

const developer = [...viewer, 'project:create', 'project:delete'] as const satisfies readonly Action[];

const admin = [
  ...developer,
  'organization:update',
  'member:manage',
  'workspace:create',
  'workspace:update',
  'workspace:delete',
  'event:read',
] as const satisfies readonly Action[];

const owner = [...admin, 'organization:delete'] as const satisfies readonly Action[];

/** What an organization is, has and costs; nothing of what runs in it, and no names of who is in it. */
const billing = ['organization:read'] as const satisfies readonly Action[];

/** What each role of an organization may do in it. Each role from `viewer` on has everything of the one before. */
export const roleActions: Readonly<Record<OrganizationRole, readonly Action[]>> = {
  billing,
  viewer: [...viewer, ...declaredFor('viewer')],
  developer: [...developer, ...declaredFor('developer')],
  admin: [...admin, ...declaredFor('admin')],
  owner: [...owner, ...declaredFor('owner')],
};

/** What the platform role may do. No action on an organization: a super admin has no tenant data. */
export const platformActions: readonly Action[] = [
  'plan:manage',
  ...Object.values<Resource>(resources).flatMap((resource) => resource.platformActions ?? []),
];

/** Actions that resources declare themselves. */
function declaredFor(role: OrganizationRole): Action[] {
  const upward: readonly OrganizationRole[] = ['viewer', 'developer', 'admin', 'owner'];
  return Object.values<Resource>(resources)
    .flatMap((resource) => resource.actions ?? [])
    .filter(({ lowestRole }) => upward.indexOf(role) >= upward.indexOf(lowestRole))
    .map(({ action }) => action);
}
