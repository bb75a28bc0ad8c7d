import { randomBytes } from 'node:crypto';
import type { Execute } from '@hexabase/contract/call.ts';
import { organization } from '@hexabase/contract/organization.ts';
import type { Clock } from '@hexabase/kernel/clock.ts';
import type { UserId } from '@hexabase/kernel/id.ts';
import { newId } from '@hexabase/kernel/id.ts';
import type { Identity } from '@hexabase/oidc/identity.ts';
import { createUser, findUserByEmail, setPassword } from '@hexabase/oidc/users.ts';
import type { Database } from '@hexabase/postgres/database.ts';
import { changeFirstOwner, holdFirstOwner } from '../installation/store.ts';

const ownerEmail = 'owner@hexabase.local';
const organizationName = 'My organization';

/** The account that owns a laptop's installation. */
export interface FirstOwner {
  userId: UserId;
  email: string;
  /** The password that this start has set; null when it was shown before, or when another replica has set one since. */
  password(): Promise<string | null>;
  /** Call it once the password has been printed: it is never shown again, and no start sets another. */
  shown(): Promise<void>;
}

interface Parts {
  database: Pick<Database, 'asIdentity'>;
  identity: Identity;
  execute: Execute;
  clock: Clock;
}

/**
 * Makes the first owner and an organization for them. Safe to repeat: a process that was killed before it printed the
 * password sets a new one at the next start, wherever that is. Of replicas that start at once the last one's counts.
 */
export async function ensureFirstOwner(parts: Parts): Promise<FirstOwner> {
  const { database, clock } = parts;
  const claim = newId();
  const { userId, password } = await ensureUser(parts, claim);
  if (password !== null) await ensureOrganization(parts, userId);
  return {
    userId,
    email: ownerEmail,
    password: async () => {
      const { first_owner_claim: last } = await database.asIdentity(holdFirstOwner);
      return last === claim ? password : null;
    },
    shown: () =>
      database.asIdentity(async (tx) => {
        const { first_owner_claim: last } = await holdFirstOwner(tx);
        if (last === claim) await changeFirstOwner(tx, { first_owner_shown_at: new Date(clock.now()) });
      }),
  };
}

async function ensureUser(
  { database, clock }: Parts,
  claim: string,
): Promise<{ userId: UserId; password: string | null }> {
  return database.asIdentity(async (tx) => {
    const { first_owner_shown_at: shownAt } = await holdFirstOwner(tx);
    const password = shownAt === null ? randomBytes(15).toString('base64url') : null;
    if (password !== null) await changeFirstOwner(tx, { first_owner_claim: claim });
    const found = await findUserByEmail(tx, ownerEmail);
    if (!found) {
      const user = {
        email: ownerEmail,
        displayName: 'Owner',
        password,
        // Made at random: there is nothing to judge.
        anyPassword: true,
        platformRole: 'super_admin' as const,
      };
      return { userId: (await createUser(tx, user, clock.now())).id, password };
    }
    if (password !== null)
      await setPassword(tx, { userId: found.id, password, anyPassword: true }, clock.now());
    return { userId: found.id, password };
  });
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
