import { setImmediate } from 'node:timers/promises';
import { rulesHeld, type EffectiveAccess } from '@hexabase/authz/effective-access.ts';
import { roleActions } from '@hexabase/authz/roles.ts';
import { rulesInWords } from '@hexabase/authz/rules/in-words.ts';
import type { access, AccessView } from '@hexabase/contract/access/access.ts';
import type { PolicyRule } from '@hexabase/contract/rules/policy-rule.ts';
import { AppError } from '@hexabase/kernel/errors.ts';
import { requireMember } from '../members/rules.ts';
import type { UseCase } from '../run/use-case.ts';
import { loadAccess } from './load-access.ts';
import { projectNames } from './store.ts';
import { whyWithheld } from './withheld.ts';

/** What somebody would see. It changes nothing and acts for nobody; as it is no GET, the audit log has an entry of it. */
export const viewAs: UseCase<typeof access.operations.viewAs> = async (context, { body }) => {
  const { tx, target } = context;
  const person = await requireMember(context, body.user);
  const { organizationId, id: workspaceId } = target;
  const found = await loadAccess(tx, { userId: person.userId, organizationId, workspaceId });
  if (!found) throw new AppError('not_found');
  context.note({ viewedAs: person.userId, email: person.email });
  const projects: AccessView['projects'] = [];
  for (const name of await projectNames(tx, workspaceId)) {
    projects.push({
      name,
      roles: rolesIn(found.access, name),
      words: startInWords(rulesHeld(found.access, name)),
    });
    // There can be many, and others have their turn after each.
    await setImmediate();
  }
  return {
    data: {
      user: { id: person.userId, email: person.email, displayName: person.displayName },
      organizationRole: person.role,
      withheld: await whyWithheld(context, { ...found, disabled: person.disabled }),
      actions: [...roleActions[person.role]],
      workspace: startInWords(rulesHeld(found.access, null)),
      projects,
    },
  };
};

/** What is told of one place: a role of the workspace is there in all of its projects, and reads like this in each. */
const charactersMax = 20_000;

/** The roles that every workspace has come first, so that what is left out is never those. */
function startInWords(rules: readonly PolicyRule[]): string[] {
  let characters = 0;
  const end = rules.findIndex((rule) => (characters += lengthOf(rule)) > charactersMax);
  if (end === -1) return rulesInWords(rules);
  const more = `And ${rules.length - end} more rules of the workspace’s own roles: \`hks access explain\` tells them by role.`;
  return [...rulesInWords(rules.slice(0, end)), more];
}

function lengthOf({ verbs, apiGroups, resources, resourceNames, nonResourceURLs }: PolicyRule): number {
  const words = [verbs, apiGroups, resources, resourceNames, nonResourceURLs].flat();
  return words.reduce((sum, word) => sum + word.length + 2, 0);
}

function rolesIn({ grants }: EffectiveAccess, project: string): string[] {
  const here = grants.filter(
    ({ project: place }) => place === null || place === 'all' || place.name === project,
  );
  return [...new Set(here.map(({ role }) => `${role.scope} ${role.name}`))];
}
