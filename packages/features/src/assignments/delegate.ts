import { rulesHeld } from '@hexabase/authz/effective-access.ts';
import { coveredBy } from '@hexabase/authz/rules/covers.ts';
import { findPreset } from '@hexabase/authz/rules/presets.ts';
import type { assignment } from '@hexabase/contract/access/assignment.ts';
import type { PolicyRule } from '@hexabase/contract/rules/policy-rule.ts';
import { loadAccess } from '../access/load-access.ts';
import { findProjectRow } from '../projects/store.ts';
import { findOwnRole } from '../roles/store.ts';
import type { Input, TargetContext } from '../run/use-case.ts';
import { findAssignment } from './store.ts';

type Operations = typeof assignment.operations;

/**
 * Whether somebody whose role in the organization does not let them give roles may do so in the one project that they
 * administer. What they give is then held against what they have, as for everybody.
 */
export async function mayGiveInProject(
  context: TargetContext,
  { body }: Input<Operations['create']>,
): Promise<boolean> {
  return body.project !== undefined && (await administered(context, body.project)) !== null;
}

/** As `mayGiveInProject`, for taking back: of that project alone, and nothing that has more than they have themselves. */
export async function mayTakeInProject(
  context: TargetContext,
  { params }: Input<Operations['delete']>,
): Promise<boolean> {
  const { tx, target } = context;
  const found = await findAssignment(tx, target.id, params.assignment);
  if (!found || found.project === null) return false;
  const held = await administered(context, found.project);
  if (held === null) return false;
  const given =
    found.roleId === null
      ? findPreset('project', found.role)
      : await findOwnRole(tx, target.id, found.roleId);
  return given?.rules.every(coveredBy(held)) ?? false;
}

/** Everything that the actor may do in the project if they administer it, else null. */
async function administered(
  { tx, actor, target }: TargetContext,
  nameOrId: string,
): Promise<PolicyRule[] | null> {
  const { organizationId, id: workspaceId } = target;
  const project = await findProjectRow(tx, { workspaceId, nameOrId, lock: false });
  if (!project || project.deletion_requested_at) return null;
  const found = await loadAccess(tx, { userId: actor.userId, organizationId, workspaceId });
  const held = found ? rulesHeld(found.access, project.name) : [];
  const needed = findPreset('project', 'admin')?.rules ?? [];
  return needed.length > 0 && needed.every(coveredBy(held)) ? held : null;
}
