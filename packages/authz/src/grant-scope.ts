import type { Action } from '@hexabase/contract/action.ts';

/**
 * What an operator who was let in may change, as far as the level of the grant goes. A new action is closed to them until
 * it is added here: a grant of some hours must leave nothing behind that lets them in later (members, invitations, groups,
 * roles, tokens), and neither carries a workspace away nor removes it.
 */
const changes: readonly Action[] = [
  'workspace:connect',
  'workspace:update',
  'project:create',
  'project:delete',
];

/** Whether a grant can allow the action at all; the role that goes with its level decides the rest. */
export function grantMayDo(action: Action): boolean {
  return action.endsWith(':read') || changes.includes(action);
}
