/** What can be allowed or refused, apart from what resources declare. `authz` says which role may do which. */
export const actions = [
  'organization:read',
  'organization:update',
  'organization:delete',
  'member:read',
  'member:manage',
  'workspace:read',
  'workspace:create',
  'workspace:update',
  'workspace:delete',
  'workspace:connect',
  'project:read',
  'project:create',
  'project:delete',
  'operation:read',
  'event:read',
  'plan:manage',
] as const;

/**
 * Actions that a resource declares itself: its contract file adds the names here by `declare module './action.ts'` and
 * says in `actions` which roles have them.
 */
export interface ResourceActions {}

export type Action = (typeof actions)[number] | keyof ResourceActions;
