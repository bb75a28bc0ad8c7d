import {
  grantsAllowing,
  grantsOfOrganizationRole,
  mayInWorkspace,
  type PlacedWish,
} from '@hexabase/authz/effective-access.ts';
import type { access, AccessHolder } from '@hexabase/contract/access/access.ts';
import type { UseCase } from '../run/use-case.ts';
import { chainsBelow, listPeople, loadGivenRoles, type GivenRole, type PersonRow } from './store.ts';
import { placeName, whySentence } from './words.ts';
import { readWish } from './wish.ts';

/** One line per person and reason, in the order of e-mail addresses. */
export const whoCan: UseCase<typeof access.operations.whoCan> = async (context, { query }) => {
  const { tx, target } = context;
  const wish = await readWish(context, query);
  const people = await listPeople(tx, target.organizationId);
  const given = (await loadGivenRoles(tx, target.id)).filter((role) => allows(role, wish));
  const groupIds = given.flatMap(({ groupId }) => (groupId === null ? [] : [groupId]));
  const chains = await chainsBelow(tx, [...new Set(groupIds)]);
  const chainsOf = Map.groupBy(chains, ({ userId }) => userId);
  const data = people.flatMap((person) => [
    ...byOrganizationRole(person, wish),
    ...given.flatMap((role): AccessHolder[] => {
      if (role.userId === person.userId)
        return [holder(person, { ...role, through: [{ kind: 'user', id: person.userId }] })];
      const mine = chainsOf.get(person.userId)?.filter(({ groupId }) => groupId === role.groupId) ?? [];
      return mine.map(({ chain }) => holder(person, { ...role, through: chain }));
    }),
  ]);
  return { data };
};

function allows(role: GivenRole, wish: PlacedWish): boolean {
  return mayInWorkspace({ grants: [{ ...role, through: [], kubernetesGroup: '' }] }, wish);
}

function byOrganizationRole(person: PersonRow, wish: PlacedWish): AccessHolder[] {
  const grants = grantsOfOrganizationRole(person.role);
  return grantsAllowing({ grants }, wish).map((grant) => holder(person, grant));
}

function holder(person: PersonRow, grant: Parameters<typeof whySentence>[1]): AccessHolder {
  return {
    userId: person.userId,
    email: person.email,
    role: grant.role.name,
    project: placeName(grant.project),
    why: whySentence(person.displayName, grant),
  };
}
