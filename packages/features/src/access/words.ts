import type { Grant, Link, PlacedWish } from '@hexabase/authz/effective-access.ts';
import { resourceText } from '@hexabase/contract/rules/rule-text.ts';
import { showSecondFactor } from '../run/withheld.ts';

/** Why somebody has a grant, as one sentence. `who` is the name of the person. */
export function whySentence(who: string, grant: Pick<Grant, 'role' | 'project' | 'through'>): string {
  const [first] = grant.through;
  const role = `the role ${grant.role.name} ${placeWords(grant.project)}`;
  if (first?.kind === 'organization-role')
    return `${who} is ${article(first.name)} ${first.name} of the organization, which gives ${role}.`;
  if (first?.kind !== 'group') return `${who} was given ${role}.`;
  const groups = grant.through.flatMap((link) =>
    link.kind === 'group' || link.kind === 'groups-between' ? [groupWords(link)] : [],
  );
  const above = groups.slice(1).map((name) => `, which is below ${name}`);
  const last = groups.at(-1) ?? first.name;
  return `${who} is in ${first.name}${above.join('')}; ${last} has ${role}.`;
}

/** What is said of somebody who has rights and reaches none of them for want of a second factor. */
export const untilSecondFactor =
  'Withheld until they show a second factor, which the organization asks for and they do not have: ' +
  `${showSecondFactor}. Their API tokens go on.`;

/** What is said of somebody whose account an operator has disabled. */
export const whileDisabled =
  'Withheld, since their account is disabled: they cannot sign in, and none of their API tokens works.';

/** `in project shop`, `in every project`, `in the whole workspace`. */
export function placeWords(project: Grant['project']): string {
  if (project === null) return 'in the whole workspace';
  return project === 'all' ? 'in every project' : `in project ${project.name}`;
}

/** `create deployments in project shop`. */
export function wishWords(wish: PlacedWish): string {
  const name = wish.name === '' ? '' : ` ${wish.name}`;
  const place = wish.project === null ? 'in the whole workspace' : `in project ${wish.project}`;
  return `${wish.verb} ${resourceText(wish)}${name} ${place}`;
}

/** Name of a project for answers: `*` is every one, null the workspace. */
export function placeName(project: Grant['project']): string | null {
  return project === 'all' ? '*' : (project?.name ?? null);
}

/** A link of a chain as answers show it. */
export function shownLink(
  link: Link,
  email: string,
): { kind: Exclude<Link['kind'], 'groups-between'>; id: string | null; name: string } {
  switch (link.kind) {
    case 'organization-role':
      return { kind: link.kind, id: null, name: link.name };
    case 'group':
      return link;
    case 'groups-between':
      return { kind: 'group', id: null, name: groupWords(link) };
    case 'user':
      return { kind: link.kind, id: link.id, name: email };
  }
}

function groupWords(link: Extract<Link, { kind: 'group' | 'groups-between' }>): string {
  return link.kind === 'group' ? link.name : `${link.count} more groups`;
}

function article(word: string): string {
  return /^[aeiou]/.test(word) ? 'an' : 'a';
}
