import { rulesHeld } from '@hexabase/authz/effective-access.ts';
import { presetRoles } from '@hexabase/authz/rules/presets.ts';
import { findEscalations, type RuleProblem } from '@hexabase/authz/rules/refuse-escalation.ts';
import { rulesBytesMax as oneRoleBytesMax, tooLongRules, type Role } from '@hexabase/contract/access/role.ts';
import type { PolicyRule } from '@hexabase/contract/rules/policy-rule.ts';
import { AppError } from '@hexabase/kernel/errors.ts';
import { loadAccess } from '../access/load-access.ts';
import { revokeUsers } from '../access/public.ts';
import { membersOf } from '../groups/store.ts';
import type { TargetContext } from '../run/use-case.ts';
import { findOwnRole, holdersOfRole, rulesBytes } from './store.ts';

/** Of all roles of a workspace together: every question about rights may look through all of them. */
const rulesBytesMax = 524_288;

interface RuleSet {
  scope: Role['scope'];
  rules: readonly PolicyRule[];
}

/** What speaks against a role with these rules when the actor makes it. */
export async function problemsOf(
  { tx, actor, target }: TargetContext,
  { scope, rules }: RuleSet,
): Promise<RuleProblem[]> {
  const { organizationId, id: workspaceId } = target;
  const found = await loadAccess(tx, { userId: actor.userId, organizationId, workspaceId });
  // A role for projects can be given in any of them: what the author has in one alone is not enough.
  const held = found ? rulesHeld(found.access, null) : [];
  return findEscalations(rules, { scope, held });
}

/** Throws `escalation_refused` with every reason. */
export async function requireHarmless(context: TargetContext, set: RuleSet): Promise<void> {
  const problems = await problemsOf(context, set);
  if (problems.length > 0) throw new AppError('escalation_refused', { details: { fields: problems } });
}

/**
 * Throws `validation_failed` for rules that are too long for one role, and `conflict` where those of the workspace's roles
 * together would become more than half a MiB. Rules that come in the place of longer ones are always taken.
 */
export async function requireRoom(
  { tx, target }: TargetContext,
  { rules, before }: { rules: readonly PolicyRule[]; before: readonly PolicyRule[] },
): Promise<void> {
  const added = bytesOf(rules) - bytesOf(before);
  if (added > 0 && bytesOf(rules) > oneRoleBytesMax) {
    throw new AppError('validation_failed', {
      details: { fields: [{ path: 'rules', message: tooLongRules }] },
    });
  }
  if (added <= 0 || (await rulesBytes(tx, target.id)) + added <= rulesBytesMax) return;
  throw new AppError('conflict', {
    message: `The rules of all roles in this workspace would be more than ${rulesBytesMax} bytes; delete roles that nobody uses, or name fewer things in them.`,
  });
}

function bytesOf(rules: readonly PolicyRule[]): number {
  return Buffer.byteLength(JSON.stringify(rules));
}

/** A role of the workspace's own. Throws `conflict` for one that every workspace has, `not_found`. */
export async function requireOwnRole({ tx, target }: TargetContext, nameOrId: string): Promise<Role> {
  const found = await findOwnRole(tx, target.id, nameOrId);
  if (found) return found;
  if (isPresetName(nameOrId)) {
    throw new AppError('conflict', {
      message: `Every workspace has the role ${nameOrId}; it stays as it is.`,
    });
  }
  throw new AppError('not_found');
}

export function isPresetName(name: string): boolean {
  return presetRoles.some((preset) => preset.name === name);
}

/** Ends the tokens of everybody who has the role: what they may do is another thing from now on. */
export async function revokeHolders({ tx, target }: TargetContext, roleId: string): Promise<void> {
  const { groupIds, userIds } = await holdersOfRole(tx, roleId);
  await revokeUsers(tx, target.organizationId, [...userIds, ...(await membersOf(tx, groupIds))]);
}
