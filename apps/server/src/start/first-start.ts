import { randomBytes } from 'node:crypto';
import { existsSync } from 'node:fs';
import { join } from 'node:path';
import type { Execute } from '@hexabase/contract/call.ts';
import { organization } from '@hexabase/contract/organization.ts';
import type { Clock } from '@hexabase/kernel/clock.ts';
import type { UserId } from '@hexabase/kernel/id.ts';
import { newId } from '@hexabase/kernel/id.ts';
import type { Identity } from '@hexabase/oidc/identity.ts';
import { createUser, findUserByEmail, setPassword } from '@hexabase/oidc/users.ts';
import type { Database } from '@hexabase/postgres/database.ts';
import { writeFileAtomic } from '../lifecycle/data-folder.ts';

const ownerEmail = 'owner@hexabase.local';
const organizationName = 'My organization';

/** The account that owns a laptop's installation. `password` is there until it has been shown once. */
export interface FirstOwner {
  userId: UserId;
  email: string;
  password: string | null;
  /** Call it once the password has been printed: it is never shown again. */
  shown(): void;
}

interface Parts {
  database: Pick<Database, 'asIdentity'>;
  identity: Identity;
  execute: Execute;
  clock: Clock;
  dataDir: string;
}

/**
 * Makes the first owner and an organization for them. Safe to repeat: a process that was killed before it printed the
 * password sets a new one at the next start.
 */
export async function ensureFirstOwner(parts: Parts): Promise<FirstOwner> {
  const marker = join(parts.dataDir, 'first-owner-shown');
  const password = existsSync(marker) ? null : randomBytes(15).toString('base64url');
  const userId = await ensureUser(parts, password);
  if (password !== null) await ensureOrganization(parts, userId);
  return { userId, email: ownerEmail, password, shown: () => writeFileAtomic(marker, '', 0o600) };
}

async function ensureUser({ database, clock }: Parts, password: string | null): Promise<UserId> {
  return database.asIdentity(async (tx) => {
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
      return (await createUser(tx, user, clock.now())).id;
    }
    if (password !== null)
      await setPassword(tx, { userId: found.id, password, anyPassword: true }, clock.now());
    return found.id;
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
