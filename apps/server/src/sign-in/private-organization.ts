import type { Execute } from '@hexabase/contract/call.ts';
import { organization } from '@hexabase/contract/organization.ts';
import { newId } from '@hexabase/kernel/id.ts';
import type { Newcomer } from '@hexabase/oidc/upstream/newcomer-store.ts';

const nameLengthMax = 40;

/** Gives somebody who signed up an organization of their own, the way any is made: by its use case, as its owner. */
export async function makePrivateOrganization(execute: Execute, person: Newcomer): Promise<void> {
  const whose = person.displayName.replace(/[^\p{L}\p{N} ._-]/gu, '').trim();
  const name = `${(whose === '' ? 'My' : whose).slice(0, nameLengthMax)} organization`;
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
    body: organization.operations.create.body.parse({ name }),
    requestId: newId(),
    idempotencyKey: null,
    ifMatch: null,
    signal: AbortSignal.timeout(30_000),
  });
}
