import { decide, type Resource } from '@hexabase/authz/decide.ts';
import type { Action } from '@hexabase/contract/action.ts';
import type { OperationCall } from '@hexabase/contract/call.ts';
import type { Actor } from '@hexabase/kernel/actor.ts';
import { AppError } from '@hexabase/kernel/errors.ts';
import type { OrganizationId } from '@hexabase/kernel/id.ts';
import type { Tx } from '@hexabase/postgres/database.ts';
import { findOperation, findOrganization, findWorkspace } from './store.ts';
import type { ResolvedTarget } from './use-case.ts';

/**
 * Finds what a request is about. The organizations of the actor are part of every search (the first lock); row-level
 * security is the second. Throws `not_found` for the absent and for the foreign alike.
 */
export async function resolveTarget(tx: Tx, call: OperationCall, actor: Actor): Promise<ResolvedTarget> {
  return resolve(tx, { call, actor, lock: locks(call) });
}

/** The organization of what a request is about, without waiting for whoever is changing that. Throws as `resolveTarget` does. */
export async function organizationOf(tx: Tx, call: OperationCall, actor: Actor): Promise<OrganizationId> {
  return (await resolve(tx, { call, actor, lock: false })).organizationId;
}

/** The row of its target is locked for it. */
export function locks({ operation }: OperationCall): boolean {
  return operation.method !== 'GET' && operation.sensitive !== true;
}

interface Resolve {
  call: OperationCall;
  actor: Actor;
  lock: boolean;
}

async function resolve(tx: Tx, { call, actor, lock }: Resolve): Promise<ResolvedTarget> {
  const organizationIds = actor.memberships.map((membership) => membership.organizationId);
  const search = {
    organizationIds,
    idOrSlug: call.params['id'] ?? '',
    lock,
  };
  const found = await find(tx, { call, search });
  if (!found) throw new AppError('not_found');
  return found;
}

/** What is decided about when an operation has this target; null is that of an operation of the platform. */
export function placeOf(target: ResolvedTarget | null) {
  return {
    organizationId: target?.organizationId ?? null,
    workspaceId: target?.kind === 'workspace' ? target.id : (target?.workspaceId ?? null),
  } satisfies Resource;
}

/** Turns `?organization=` into an id. Throws `not_found` when it is none of the actor's. */
async function resolveOrganization(tx: Tx, actor: Actor, idOrSlug: string): Promise<OrganizationId> {
  const organizationIds = actor.memberships.map((membership) => membership.organizationId);
  const found = await findOrganization(tx, { organizationIds, idOrSlug, lock: false });
  if (!found) throw new AppError('not_found');
  return found.organizationId;
}

/**
 * The organizations that a list is made of: those of the actor in which they may do the action, or the one that
 * `?organization=` names. Throws `not_found` for a foreign one, `forbidden` where the actor's role does not allow it.
 */
export async function organizationsWith(
  tx: Tx,
  { actor, action, named }: { actor: Actor; action: Action; named: string | undefined },
): Promise<OrganizationId[]> {
  const may = (organizationId: OrganizationId) => decide(actor, action, { organizationId }).allowed;
  if (named === undefined) return actor.memberships.map(({ organizationId }) => organizationId).filter(may);
  const found = await resolveOrganization(tx, actor, named);
  if (!may(found)) throw new AppError('forbidden');
  return [found];
}

/**
 * Id of the workspace that the scope `workspace:<slug or id>` names; null for a scope that names none. Throws `not_found`
 * for one outside of these organizations.
 */
export async function workspaceInScope(
  tx: Tx,
  scope: string,
  organizationIds: readonly OrganizationId[],
): Promise<string | null> {
  if (!scope.startsWith('workspace:')) return null;
  const idOrSlug = scope.slice('workspace:'.length);
  const found = await findWorkspace(tx, { organizationIds, idOrSlug, lock: false });
  if (!found) throw new AppError('not_found', { message: 'There is no such workspace.' });
  return found.id;
}

interface Find {
  call: OperationCall;
  search: { organizationIds: readonly OrganizationId[]; idOrSlug: string; lock: boolean };
}

async function find(tx: Tx, { call, search }: Find): Promise<ResolvedTarget | null> {
  switch (call.operation.target) {
    case 'organization':
      return findOrganization(tx, search);
    case 'workspace':
      return findWorkspace(tx, search);
    case 'operation':
      return findOperation(tx, search);
    case 'host-cluster':
      // Belongs to no organization: its operations are decided on the platform.
      return null;
    case 'project':
    case 'none': {
      const named = organizationIn(call.query) ?? organizationIn(call.body) ?? search.organizationIds[0];
      if (named === undefined) {
        throw new AppError('conflict', {
          message: 'You are in no organization yet; make one first.',
          details: { howTo: 'hks organization create <name>' },
        });
      }
      return findOrganization(tx, { ...search, idOrSlug: named, lock: false });
    }
  }
}

/** The organization that a query or a body names. */
export function organizationIn(input: unknown): string | undefined {
  if (input === null || typeof input !== 'object' || !('organization' in input)) return undefined;
  return typeof input.organization === 'string' ? input.organization : undefined;
}
