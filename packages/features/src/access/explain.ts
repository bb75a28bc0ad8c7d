import { decide } from '@hexabase/authz/decide.ts';
import { grantsAllowing, type Grant } from '@hexabase/authz/effective-access.ts';
import { rulesInWords } from '@hexabase/authz/rules/in-words.ts';
import type { access, AccessExplanation } from '@hexabase/contract/access/access.ts';
import type { Member } from '@hexabase/contract/people/member.ts';
import { AppError } from '@hexabase/kernel/errors.ts';
import { requireMember } from '../members/rules.ts';
import type { Input, TargetContext, UseCase } from '../run/use-case.ts';
import { loadAccess } from './load-access.ts';
import { whyWithheld } from './withheld.ts';
import { placeName, shownLink, whySentence, wishWords } from './words.ts';
import { readWish, requireProjectName } from './wish.ts';

type Explain = typeof access.operations.explain;

/** Throws `forbidden` for whoever asks about somebody else without being an administrator. */
export const explainAccess: UseCase<Explain> = async (context, { query }) => {
  const { tx, actor, target } = context;
  const person = await requireMember(context, query.user ?? actor.userId);
  if (person.userId !== actor.userId && !decide(actor, 'access:inspect', target).allowed) {
    throw new AppError('forbidden', { message: 'Only administrators may ask about others.' });
  }
  const { organizationId, id: workspaceId } = target;
  // Not from memory: what groups are called now is part of the answer, and a new name changes nobody's access.
  const found = await loadAccess(tx, { userId: person.userId, organizationId, workspaceId });
  if (!found) throw new AppError('not_found');
  const withheld = await whyWithheld(context, { ...found, disabled: person.disabled });
  const { grants, decision } = await answer(context, {
    query,
    person,
    grants: found.access.grants,
    withheld,
  });
  const roles = shownRoles(grants);
  return {
    data: {
      user: { id: person.userId, email: person.email, displayName: person.displayName },
      workspaceId,
      organizationRole: found.access.organizationRole,
      withheld,
      decision,
      grants: shownGrants(grants, { roles, person }),
      roles,
    },
  };
};

interface Question {
  query: Input<Explain>['query'];
  person: Member;
  grants: readonly Grant[];
  withheld: string | null;
}

async function answer(
  context: TargetContext,
  { query, person, grants, withheld }: Question,
): Promise<{ grants: readonly Grant[]; decision: AccessExplanation['decision'] }> {
  const { verb, resource } = query;
  if (verb === undefined && resource === undefined) {
    const project = await requireProjectName(context, query.project);
    const here = grants.filter(
      ({ project: place }) => project === null || place === null || place === 'all' || place.name === project,
    );
    return { grants: here, decision: null };
  }
  const wish = await readWish(context, { ...query, verb: verb ?? 'get', resource: resource ?? 'pods' });
  const allowing = grantsAllowing({ grants }, wish);
  const { displayName: who } = person;
  if (allowing.length === 0) {
    const words = `${who} may not ${wishWords(wish)}: no role of theirs allows it.`;
    return { grants: allowing, decision: { allowed: false, words } };
  }
  const words =
    withheld === null
      ? `${who} may ${wishWords(wish)}.`
      : `${who} may not ${wishWords(wish)} now, although a role allows it. ${withheld}`;
  return { grants: allowing, decision: { allowed: withheld === null, words } };
}

/** What a role allows stands with its first grant, as it did with each before there was `roles`. */
function shownGrants(
  grants: readonly Grant[],
  { roles, person }: { roles: AccessExplanation['roles']; person: Member },
): AccessExplanation['grants'] {
  const untold = new Map(roles.map((role) => [`${role.scope} ${role.name}`, role]));
  return grants.map((grant) => {
    const { name, scope } = grant.role;
    const { rules, words } = untold.get(`${scope} ${name}`) ?? { rules: [], words: [] };
    untold.delete(`${scope} ${name}`);
    return {
      role: name,
      scope,
      project: placeName(grant.project),
      through: grant.through.map((link) => shownLink(link, person.email)),
      why: whySentence(person.displayName, grant),
      rules,
      words,
    };
  });
}

function shownRoles(grants: readonly Grant[]): AccessExplanation['roles'] {
  const roles = new Map(grants.map(({ role }) => [`${role.scope} ${role.name}`, role]));
  return [...roles.values()].map(({ name, scope, rules }) => ({
    name,
    scope,
    rules: [...rules],
    words: rulesInWords(rules),
  }));
}
