/** Everything that can be allowed or refused. `authz` says which role may do which. */
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

export type Action = (typeof actions)[number];
