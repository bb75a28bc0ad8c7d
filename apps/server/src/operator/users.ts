import { randomBytes } from 'node:crypto';
import { text } from 'node:stream/consumers';
import { organization } from '@hexabase/contract/organization.ts';
import { features } from '@hexabase/features/index.ts';
import { createExecute } from '@hexabase/features/run/execute.ts';
import type { Ports } from '@hexabase/features/run/ports.ts';
import { systemClock } from '@hexabase/kernel/clock.ts';
import { AppError } from '@hexabase/kernel/errors.ts';
import { newId } from '@hexabase/kernel/id.ts';
import type { KeyVault } from '@hexabase/kernel/key-vault.ts';
import { silentLogger } from '@hexabase/kernel/log.ts';
import { resetFactors } from '@hexabase/oidc/second-factor/reset.ts';
import {
  createUser,
  disableUser,
  enableUser,
  findUserByName,
  setPassword,
  type User,
} from '@hexabase/oidc/users.ts';
import type { Tx } from '@hexabase/postgres/database.ts';
import type { OpenedDatabase } from '@hexabase/postgres/open-database.ts';
import { StartError } from '../lifecycle/data-folder.ts';
import { ownerlessOrganizations, recordOperator } from './store.ts';

export interface UserRequest {
  email: string;
  /** Null has one made. */
  password: string | null;
  role: 'super_admin' | null;
  /** Name of an organization to make for the new user. */
  organization: string | null;
}

/** Makes an account, and an organization that it owns when one is named. `password` is answered when it was made here. */
export async function addUser(
  database: OpenedDatabase,
  request: UserRequest,
): Promise<{ user: User; password: string | null; organization: string | null }> {
  const made = request.password === null ? randomBytes(15).toString('base64url') : null;
  const nowMs = systemClock.now();
  // Before the account is made: a bad name must not leave one behind.
  const body =
    request.organization === null
      ? null
      : organization.operations.create.body.parse({ name: request.organization });
  const user = await database.asIdentity(async (tx) => {
    const fields = {
      email: request.email,
      displayName: request.email.split('@')[0] ?? request.email,
      password: made ?? request.password,
      ...(request.role && { platformRole: request.role }),
    };
    const created = await createUser(tx, fields, nowMs);
    const details = { email: created.email, role: request.role };
    await recordOperator(tx, { action: 'operator.user.create', target: `user/${created.id}`, details });
    return created;
  });
  if (body) await makeOrganization(database, user, body);
  return { user, password: made, organization: request.organization };
}

/** Sets a password of any strength and ends every session of the account; answers it when it was made here. */
export async function replacePassword(
  database: OpenedDatabase,
  email: string,
  password: string | null,
): Promise<string | null> {
  const made = password === null ? randomBytes(15).toString('base64url') : null;
  await database.asIdentity(async (tx) => {
    const user = await requireUser(tx, email);
    const change = { userId: user.id, password: made ?? password ?? '', anyPassword: true };
    await setPassword(tx, change, systemClock.now());
    await record(tx, 'operator.user.set-password', user);
  });
  return made;
}

/**
 * Disables an account (every access of it ends within a second) or takes it back. Answers the slugs of the organizations
 * of this owner in which nobody is an owner now who can sign in: that is for an operator to decide, and to be told.
 */
export async function switchUser(
  database: OpenedDatabase,
  email: string,
  enabled: boolean,
): Promise<{ ownerless: string[] }> {
  return database.asIdentity(async (tx) => {
    const user = await requireUser(tx, email);
    await (enabled ? enableUser(tx, user.id) : disableUser(tx, user.id, systemClock.now()));
    const action = enabled ? 'operator.user.enable' : 'operator.user.disable';
    await record(tx, action, user);
    return { ownerless: await ownerlessOrganizations(tx, user.id) };
  });
}

/** Removes every second factor of somebody who has lost them; the person is told by letter. */
export async function resetSecondFactors(
  database: OpenedDatabase,
  vault: KeyVault,
  email: string,
): Promise<void> {
  await database.asIdentity(async (tx) => {
    const user = await requireUser(tx, email);
    await resetFactors(tx, user, { vault, nowMs: systemClock.now() });
    await record(tx, 'operator.user.reset-second-factor', user);
  });
}

/** One line of standard input, so that a password stands in no argument list. Throws `StartError` when there is none. */
export async function readPassword(input: NodeJS.ReadableStream): Promise<string> {
  const [line = ''] = (await text(input)).split(/\r?\n/);
  if (line === '') throw new StartError('Standard input holds no password.');
  return line;
}

async function requireUser(tx: Tx, idOrEmail: string): Promise<User> {
  const user = await findUserByName(tx, idOrEmail);
  if (!user) throw new StartError(`There is no account ${idOrEmail}; \`hexabase-cli user list\` shows them.`);
  return user;
}

function record(tx: Tx, action: string, { id, email }: User): Promise<void> {
  return recordOperator(tx, { action, target: `user/${id}`, details: { email } });
}

/** The organization is made the way any is: by its use case, as its owner. */
async function makeOrganization(database: OpenedDatabase, user: User, body: object): Promise<void> {
  const execute = createExecute(features, operatorPorts(database));
  await execute({
    operation: organization.operations.create,
    actor: { userId: user.id, email: user.email, sessionId: newId(), platformRole: null, memberships: [] },
    params: {},
    query: {},
    body,
    requestId: newId(),
    idempotencyKey: null,
    ifMatch: null,
    signal: AbortSignal.timeout(30_000),
  });
}

/** An operator's program runs no gateway: what would need one is refused. */
export function operatorPorts(database: OpenedDatabase): Ports {
  const unavailable = (): never => {
    throw new AppError('not_built');
  };
  return {
    database,
    clock: systemClock,
    log: silentLogger,
    kubernetes: { urlOf: unavailable, certificateAuthority: unavailable },
    mintKubeToken: async () => unavailable(),
    count: () => undefined,
    hostAccess: { seal: unavailable, identify: unavailable },
    secondFactors: {
      list: unavailable,
      addTotp: unavailable,
      confirmTotp: unavailable,
      addPasskey: unavailable,
      renewCodes: unavailable,
      remove: unavailable,
      reset: unavailable,
    },
    mail: { queue: async () => unavailable(), open: unavailable, sends: false, readable: false, site: '' },
    defaultRegion: 'local',
  };
}
