import type { Action } from '@hexabase/contract/action.ts';
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

/** What each role of an organization may do in it. Each role has everything of the one before. */
export const roleActions: Readonly<Record<OrganizationRole, readonly Action[]>> = { viewer, developer, admin, owner };

/** What the platform role may do. No action on an organization: a super admin has no tenant data. */
export const platformActions: readonly Action[] = ['plan:manage'];
