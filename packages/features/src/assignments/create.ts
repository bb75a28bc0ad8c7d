import { findPreset } from '@hexabase/authz/rules/presets.ts';
import { rulesHeld } from '@hexabase/authz/effective-access.ts';
import { coveredBy } from '@hexabase/authz/rules/covers.ts';
import type { assignment } from '@hexabase/contract/access/assignment.ts';
import type { PolicyRule } from '@hexabase/contract/rules/policy-rule.ts';
import { AppError } from '@hexabase/kernel/errors.ts';
import { newId } from '@hexabase/kernel/id.ts';
import { loadAccess } from '../access/load-access.ts';
import { revokeUsers, wakeAccess } from '../access/public.ts';
import { requireGroup } from '../groups/find.ts';
import { membersOf } from '../groups/store.ts';
import { findMember, holdMembership } from '../members/store.ts';
import { findProjectRow } from '../projects/store.ts';
import { findOwnRole } from '../roles/store.ts';
import { shellWord } from '../run/shell-word.ts';
import type { Input, TargetContext, UseCase } from '../run/use-case.ts';
import { countAssignments, findAssignment, insertAssignment } from './store.ts';

type Create = typeof assignment.operations.create;

/** More would make every question about rights in a workspace slow. */
const assignmentsMax = 2_000;

/** Throws `escalation_refused` for a role with more than the actor has there, `already_exists` for what was given, `conflict` when there are too many. */
export const createAssignment: UseCase<Create> = async (context, { body }) => {
  const { tx, target, actor, nowMs } = context;
  if ((await countAssignments(tx, target.id)) >= assignmentsMax) {
    throw new AppError('conflict', {
      message: `${assignmentsMax} roles are given in this workspace; take some back, or give them to groups.`,
    });
  }
  const project = await projectOf(context, body.project);
  const role = await roleOf(context, body.role, project ? 'project' : 'workspace');
  await requireOwnRights(context, role.rules, project?.name ?? null);
  const subject = await subjectOf(context, body);
  const id = newId<'Assignment'>(nowMs);
  const made = await insertAssignment(tx, {
    id,
    organizationId: target.organizationId,
    workspaceId: target.id,
    projectId: project?.id ?? null,
    preset: role.preset,
    roleId: role.roleId,
    groupId: subject.groupId,
    userId: subject.userId,
    createdBy: actor.userId,
    createdAt: new Date(nowMs),
  });
  if (!made) throw new AppError('already_exists', { message: 'This role was given already.' });
  const touched = subject.userId ? [subject.userId] : await membersOf(tx, [subject.groupId ?? '']);
  await revokeUsers(tx, target.organizationId, touched);
  await wakeAccess(tx, [target.id]);
  const shown = await findAssignment(tx, target.id, id);
  if (!shown) throw new AppError('not_found');
  context.note({ role: shown.role, project: shown.project, subject: shown.subject });
  return { data: shown };
};

async function projectOf({ tx, target }: TargetContext, nameOrId: string | undefined) {
  if (nameOrId === undefined) return null;
  const row = await findProjectRow(tx, { workspaceId: target.id, nameOrId, lock: false });
  if (row && !row.deletion_requested_at) return row;
  throw new AppError('not_found', { message: 'There is no such project in this workspace.' });
}

interface ChosenRole {
  preset: string | null;
  roleId: string | null;
  rules: readonly PolicyRule[];
}

async function roleOf(
  { tx, target }: TargetContext,
  name: string,
  scope: 'workspace' | 'project',
): Promise<ChosenRole> {
  const preset = findPreset(scope, name);
  if (preset) return { preset: preset.name, roleId: null, rules: preset.rules };
  const own = await findOwnRole(tx, target.id, name);
  if (own?.scope === scope) return { preset: null, roleId: own.id, rules: own.rules };
  if (!own && findPreset(scope === 'project' ? 'workspace' : 'project', name) === null)
    throw new AppError('not_found', { message: 'There is no such role in this workspace.' });
  const message =
    scope === 'project'
      ? 'this role is for whole workspaces: leave the project out'
      : 'this role is for projects: say in which project';
  throw new AppError('validation_failed', { details: { fields: [{ path: 'project', message }] } });
}

async function requireOwnRights(
  { tx, actor, target }: TargetContext,
  rules: readonly PolicyRule[],
  project: string | null,
): Promise<void> {
  const { organizationId, id: workspaceId } = target;
  const found = await loadAccess(tx, { userId: actor.userId, organizationId, workspaceId });
  const held = found ? rulesHeld(found.access, project) : [];
  if (rules.every(coveredBy(held))) return;
  throw new AppError('escalation_refused', { message: 'You cannot give a role with more than you have.' });
}

async function subjectOf(
  context: TargetContext,
  { group, user }: Input<Create>['body'],
): Promise<{ groupId: string; userId: null } | { groupId: null; userId: string }> {
  if ((group === undefined) === (user === undefined)) {
    const fields = [{ path: 'group', message: 'say who gets it: a group or a user' }];
    throw new AppError('validation_failed', { details: { fields } });
  }
  if (group !== undefined) return { groupId: (await requireGroup(context, group)).id, userId: null };
  const { tx, target } = context;
  const { organizationId } = target;
  const person = await findMember(tx, organizationId, user ?? '');
  if (person && (await holdMembership(tx, { organizationId, userId: person.userId })))
    return { groupId: null, userId: person.userId };
  throw new AppError('not_found', {
    message: 'This person is not in the organization; invite them first.',
    details: { howTo: `hks invitation create ${shellWord(user ?? '')}` },
  });
}
