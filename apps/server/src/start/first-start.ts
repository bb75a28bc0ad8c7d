import { AsyncLocalStorage } from 'node:async_hooks';
import { randomBytes } from 'node:crypto';
import type { Execute } from '@hexabase/contract/call.ts';
import { organization } from '@hexabase/contract/organization.ts';
import type { Clock } from '@hexabase/kernel/clock.ts';
import type { UserId } from '@hexabase/kernel/id.ts';
import { newId } from '@hexabase/kernel/id.ts';
import type { Identity } from '@hexabase/oidc/identity.ts';
import { createUser, findUserByEmail, setPassword } from '@hexabase/oidc/users.ts';
import type { Database } from '@hexabase/postgres/database.ts';
import { changeFirstOwner, holdFirstOwner, isTaken } from '../installation/store.ts';

const ownerEmail = 'owner@hexabase.local';
const organizationName = 'My organization';

/** The account that owns a laptop's installation. */
export interface FirstOwner {
  userId: UserId;
  email: string;
  /** What this start, alone of all, has to print: it is kept nowhere else. Null when there is nothing to tell. */
  password: string | null;
}

interface Parts {
  database: Pick<Database, 'asIdentity'>;
  identity: Identity;
  execute: Execute;
  clock: Clock;
}

/**
 * Makes the first owner with an organization, once in the life of a database: of replicas that start at once, one makes
 * them and has the password to tell. No later start touches the account, whatever became of it: who has lost the
 * password sets another with `hexabase-cli user set-password`.
 */
export async function ensureFirstOwner(parts: Parts): Promise<FirstOwner> {
  // The one place that takes connections while it holds one, which is only there for other starts to wait for: this process
  // serves nobody yet, and what is done in transactions of its own never waits for that row.
  const apart = AsyncLocalStorage.snapshot();
  return parts.database.asIdentity(async (tx) => {
    // Other starts wait here until the account is whole.
    const { first_owner_shown_at: shownAt } = await holdFirstOwner(tx);
    const found = await findUserByEmail(tx, ownerEmail);
    const userId = found?.id ?? (await apart(() => makeOwner(parts)));
    // An account that somebody has given a way in already is theirs.
    if (shownAt !== null || (await isTaken(tx, userId))) return { userId, email: ownerEmail, password: null };
    await apart(() => ensureOrganization(parts, userId));
    const password = parts.identity.passwords ? await apart(() => givePassword(parts, userId)) : null;
    await changeFirstOwner(tx, { first_owner_shown_at: new Date(parts.clock.now()) });
    return { userId, email: ownerEmail, password };
  });
}

/** In a transaction of its own, so that the use case which makes the organization finds the account. */
async function makeOwner({ database, clock }: Parts): Promise<UserId> {
  const user = {
    email: ownerEmail,
    displayName: 'Owner',
    password: null,
    platformRole: 'super_admin',
  } as const;
  return (await database.asIdentity((tx) => createUser(tx, user, clock.now()))).id;
}

async function givePassword({ database, clock }: Parts, userId: UserId): Promise<string> {
  // Made at random: there is nothing to judge.
  const password = randomBytes(15).toString('base64url');
  const given = { userId, password, anyPassword: true };
  await database.asIdentity((tx) => setPassword(tx, given, clock.now()));
  return password;
}

/** The organization is made the way any is: by its use case, as the owner. */
async function ensureOrganization({ identity, execute }: Parts, userId: UserId): Promise<void> {
  const device = { userAgent: 'first start', address: 'local', deviceId: null };
  const { accessToken } = await identity.startSession(userId, device);
  const actor = await identity.authenticate(accessToken);
  if (actor.memberships.length === 0) {
    await execute({
      operation: organization.operations.create,
      actor,
      params: {},
      query: {},
      body: { name: organizationName },
      requestId: newId(),
      idempotencyKey: null,
      ifMatch: null,
      signal: AbortSignal.timeout(30_000),
    });
  }
  await identity.endSession(actor, actor.sessionId);
}
