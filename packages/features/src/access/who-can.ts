import {
  givenAllowing,
  grantsAllowing,
  grantsOfOrganizationRole,
  type PlacedWish,
} from '@hexabase/authz/effective-access.ts';
import type { access, AccessHolder } from '@hexabase/contract/access/access.ts';
import { AppError } from '@hexabase/kernel/errors.ts';
import type { UseCase } from '../run/use-case.ts';
import { membersBelow } from './members-below.ts';
import { listPeople, loadBelow, loadGivenRoles, type PersonRow } from './store.ts';
import { findShutOut } from './withheld-store.ts';
import { placeName, untilSecondFactor, whySentence } from './words.ts';
import { readWish } from './wish.ts';

/** An answer of more lines helps nobody, and making it would keep everybody else waiting. */
const linesMax = 20_000;

/**
 * One line per person and reason, in the order of e-mail addresses; of several chains of groups that give the same role,
 * the shortest. Throws `validation_failed` where that would be more than twenty thousand lines.
 */
export const whoCan: UseCase<typeof access.operations.whoCan> = async (context, { query }) => {
  const { tx, target, nowMs } = context;
  const wish = await readWish(context, query);
  const people = await listPeople(tx, target.organizationId);
  const given = givenAllowing(await loadGivenRoles(tx, target.id), wish);
  const lines = new Map(people.map((person) => [person.userId, byOrganizationRole(person, wish)]));
  const known = new Map(people.map((person) => [person.userId, person]));
  const groupIds = given.flatMap(({ groupId }) => (groupId === null ? [] : [groupId]));
  const below = membersBelow(await loadBelow(tx, groupIds), linesMax);
  let count = 0;
  const add = (userId: string, grant: Parameters<typeof whySentence>[1]) => {
    const person = known.get(userId);
    if (!person) return;
    count += 1;
    if (count > linesMax) throw tooMany();
    lines.get(userId)?.push(holder(person, grant));
  };
  for (const role of given) {
    if (role.userId !== null) add(role.userId, { ...role, through: [{ kind: 'user', id: role.userId }] });
    if (role.groupId === null) continue;
    const found = below.of(role.groupId);
    if (!found) throw tooMany();
    for (const { userId, chain } of found) add(userId, { ...role, through: chain });
  }
  const found = people.filter(({ userId }) => lines.get(userId)?.length);
  const asked = { organizationId: target.organizationId, userIds: found.map(({ userId }) => userId) };
  const shutOut = await findShutOut(tx, asked, nowMs);
  return {
    data: found.flatMap(({ userId }) =>
      (lines.get(userId) ?? []).map((line) => (shutOut.has(userId) ? withheld(line) : line)),
    ),
  };
};

function tooMany(): AppError {
  return new AppError('validation_failed', {
    message: `There are more than ${linesMax} reasons why people may do this. Ask about one person (explain), or one project.`,
  });
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
    withheld: false,
  };
}

function withheld(line: AccessHolder): AccessHolder {
  return { ...line, withheld: true, why: `${line.why} ${untilSecondFactor}` };
}
