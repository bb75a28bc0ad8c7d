import { AppError } from '@hexabase/kernel/errors.ts';
import type { Tx } from '@hexabase/postgres/database.ts';
import { checkClient, newClientSecret, type Client, type ClientRules } from './client.ts';
import { deleteClient, insertClient, replaceSecret } from './client-store.ts';

export interface NewClient {
  name: string;
  redirectUris: readonly string[];
  postLogoutRedirectUris: readonly string[];
  backchannelLogoutUri: string | null;
  /** It can keep no secret. */
  isPublic: boolean;
}

/**
 * Registers a client; running servers know it at once. The secret of a confidential one is answered here and never again.
 * Runs as identity. Throws AppError `validation_failed` or `already_exists`.
 */
export async function registerClient(
  tx: Tx,
  asked: NewClient,
  { nowMs, ...rules }: ClientRules & { nowMs: number },
): Promise<{ client: Client; secret: string | null }> {
  const made = asked.isPublic ? null : newClientSecret();
  const client = {
    id: asked.name,
    secretHash: made?.secretHash ?? null,
    redirectUris: asked.redirectUris,
    postLogoutRedirectUris: asked.postLogoutRedirectUris,
    backchannelLogoutUri: asked.backchannelLogoutUri,
    createdAt: new Date(nowMs),
  };
  checkClient(client, rules);
  await insertClient(tx, client);
  return { client, secret: made?.secret ?? null };
}

/** Answers the new secret; the old one stops working at once. Throws AppError `not_found`, also for a public client. */
export async function rotateClientSecret(tx: Tx, name: string): Promise<string> {
  const { secret, secretHash } = newClientSecret();
  if (!(await replaceSecret(tx, name, secretHash)))
    throw new AppError('not_found', { message: `There is no client ${name} with a secret.` });
  return secret;
}

/** Throws AppError `not_found`. */
export async function removeClient(tx: Tx, name: string): Promise<void> {
  if (!(await deleteClient(tx, name)))
    throw new AppError('not_found', { message: `There is no client ${name}.` });
}
