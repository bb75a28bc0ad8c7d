import { systemClock } from '@hexabase/kernel/clock.ts';
import type { Client, ClientRules } from '@hexabase/oidc/clients/client.ts';
import { listClients } from '@hexabase/oidc/clients/client-store.ts';
import {
  registerClient,
  removeClient,
  rotateClientSecret,
  type NewClient,
} from '@hexabase/oidc/clients/register-client.ts';
import type { Database, Tx } from '@hexabase/postgres/database.ts';
import { recordOperator } from './store.ts';

type Store = Pick<Database, 'asIdentity'>;

/** Answers the secret, once, for a client that can keep one. Throws `validation_failed` or `already_exists`. */
export async function addClient(
  database: Store,
  asked: NewClient,
  rules: ClientRules,
): Promise<{ client: Client; secret: string | null }> {
  return database.asIdentity(async (tx) => {
    const made = await registerClient(tx, asked, { ...rules, nowMs: systemClock.now() });
    const { redirectUris, backchannelLogoutUri } = made.client;
    await record(tx, 'add', {
      name: asked.name,
      details: { redirectUris, backchannelLogoutUri, public: asked.isPublic },
    });
    return made;
  });
}

export async function allClients(database: Store): Promise<Client[]> {
  return database.asIdentity(listClients);
}

/** Throws `not_found`. */
export async function forgetClient(database: Store, name: string): Promise<void> {
  await database.asIdentity(async (tx) => {
    await removeClient(tx, name);
    await record(tx, 'remove', { name, details: {} });
  });
}

/** Answers the new secret. Throws `not_found`. */
export async function renewSecret(database: Store, name: string): Promise<string> {
  return database.asIdentity(async (tx) => {
    const secret = await rotateClientSecret(tx, name);
    await record(tx, 'rotate-secret', { name, details: {} });
    return secret;
  });
}

function record(
  tx: Tx,
  verb: string,
  { name, details }: { name: string; details: Record<string, unknown> },
): Promise<void> {
  return recordOperator(tx, { action: `operator.client.${verb}`, target: `client/${name}`, details });
}
