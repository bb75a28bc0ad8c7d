import type { Execute } from '@hexabase/contract/call.ts';
import { displayNameUnitsMax } from '@hexabase/contract/common.ts';
import { organization } from '@hexabase/contract/organization.ts';
import { newId } from '@hexabase/kernel/id.ts';
import { startOf } from '@hexabase/kernel/text/start-of.ts';
import type { Newcomer } from '@hexabase/oidc/upstream/newcomer-store.ts';

const ending = ' organization';

/** Gives somebody who signed up an organization of their own, the way any is made: by its use case, as its owner. */
export async function makePrivateOrganization(execute: Execute, person: Newcomer): Promise<void> {
  await execute({
    operation: organization.operations.create,
    actor: {
      userId: person.userId,
      email: person.email,
      sessionId: newId(),
      platformRole: null,
      memberships: [],
    },
    params: {},
    query: {},
    body: organization.operations.create.body.parse({ name: privateOrganizationName(person.displayName) }),
    requestId: newId(),
    idempotencyKey: null,
    ifMatch: null,
    signal: AbortSignal.timeout(30_000),
  });
}

/** A name that an organization may have, whatever the person is called: nobody's sign-in fails by their name. */
export function privateOrganizationName(displayName: string): string {
  const plain = displayName.normalize('NFC').replace(/[^\p{L}\p{M}\p{N} ._-]/gu, '');
  const whose = startOf(plain.trim(), displayNameUnitsMax - ending.length).trim();
  return `${/[\p{L}\p{N}]/u.test(whose) ? whose : 'My'}${ending}`;
}
