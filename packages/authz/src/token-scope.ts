import type { Action } from '@hexabase/contract/action.ts';
import type { Operation } from '@hexabase/contract/operation.ts';
import type { Actor } from '@hexabase/kernel/actor.ts';

/**
 * What API tokens may change; all else is for people. A new action is closed to tokens until it is added here, so that
 * no token ever decides who may do what: members, invitations, groups, roles, service accounts, other tokens.
 */
const changes: readonly Action[] = [
  'workspace:create',
  'workspace:clone',
  'workspace:update',
  'workspace:delete',
  'workspace:connect',
  'project:create',
  'project:delete',
];

/** A token for one workspace cannot remove it, nor carry what is in it out into another one. */
const beyondOne: readonly Action[] = ['workspace:create', 'workspace:clone', 'workspace:delete'];
/** What lies in a workspace: whether in that of the token, `tokenReaches` says. Who asks for a change follows its operation. */
const inOneWorkspace: readonly Operation['target'][] = ['workspace', 'operation'];
const changesInside = changes.filter((action) => !beyondOne.includes(action));

/**
 * Whether the scope of the actor's API token lets it call the operation at all; people who are signed in themselves may.
 * Comes before the question of roles, which `decide` answers. Operations of the platform are for no token. A token for
 * reading gets no credential of a cluster: that would carry all rights of its owner.
 */
export function tokenMayCall({ token }: Pick<Actor, 'token'>, operation: Operation): boolean {
  if (!token || operation.access.kind === 'public') return true;
  const { access } = operation;
  if (access.kind === 'platform') return false;
  const isOneWorkspace = typeof token.scope === 'object';
  if (isOneWorkspace && !inOneWorkspace.includes(operation.target)) return false;
  if (operation.method === 'GET') return true;
  if (token.scope === 'read' || access.kind !== 'action') return false;
  return (isOneWorkspace ? changesInside : changes).includes(access.action);
}

/** Whether the token may know of things in that workspace; null is what lies in none. */
export function tokenReaches({ token }: Pick<Actor, 'token'>, workspaceId: string | null): boolean {
  const scope = token?.scope;
  return typeof scope !== 'object' || scope.workspaceId === workspaceId;
}
