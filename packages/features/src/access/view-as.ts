import { rulesHeld, type EffectiveAccess } from '@hexabase/authz/effective-access.ts';
import { roleActions } from '@hexabase/authz/roles.ts';
import { rulesInWords } from '@hexabase/authz/rules/in-words.ts';
import type { access } from '@hexabase/contract/access/access.ts';
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
  const projects = await projectNames(tx, workspaceId);
  return {
    data: {
      user: { id: person.userId, email: person.email, displayName: person.displayName },
      organizationRole: person.role,
      withheld: await whyWithheld(context, found.access),
      actions: [...roleActions[person.role]],
      workspace: rulesInWords(rulesHeld(found.access, null)),
      projects: projects.map((name) => ({
        name,
        roles: rolesIn(found.access, name),
        words: rulesInWords(rulesHeld(found.access, name)),
      })),
    },
  };
};

function rolesIn({ grants }: EffectiveAccess, project: string): string[] {
  const here = grants.filter(
    ({ project: place }) => place === null || place === 'all' || place.name === project,
  );
  return [...new Set(here.map(({ role }) => `${role.scope} ${role.name}`))];
}
