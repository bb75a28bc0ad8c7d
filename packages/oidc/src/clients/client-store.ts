import { AppError } from '@hexabase/kernel/errors.ts';
import { brokenUnique } from '@hexabase/postgres/database-errors.ts';
import type { Tx } from '@hexabase/postgres/database.ts';
import { sql } from 'kysely';
import type { Client } from './client.ts';

const columns = sql`id, secret_hash AS "secretHash", redirect_uris AS "redirectUris",
  post_logout_redirect_uris AS "postLogoutRedirectUris", backchannel_logout_uri AS "backchannelLogoutUri",
  created_at AS "createdAt"`;

/** Runs as identity, as all here. Throws AppError `already_exists`. */
export async function insertClient(tx: Tx, client: Client): Promise<void> {
  try {
    await sql`
      INSERT INTO oidc.clients
        (id, secret_hash, redirect_uris, post_logout_redirect_uris, backchannel_logout_uri, created_at)
      VALUES (${client.id}, ${client.secretHash}, ${[...client.redirectUris]}, ${[...client.postLogoutRedirectUris]},
        ${client.backchannelLogoutUri}, ${client.createdAt})`.execute(tx);
  } catch (error) {
    if (brokenUnique(error) === 'clients_pkey') throw new AppError('already_exists', { cause: error });
    throw error;
  }
}

export async function findClient(tx: Tx, id: string): Promise<Client | null> {
  const { rows } = await sql<Client>`SELECT ${columns} FROM oidc.clients WHERE id = ${id}`.execute(tx);
  return rows[0] ?? null;
}

export async function listClients(tx: Tx): Promise<Client[]> {
  return (await sql<Client>`SELECT ${columns} FROM oidc.clients ORDER BY id`.execute(tx)).rows;
}

/** The old secret stops working at once. False when there is no such client with a secret. */
export async function replaceSecret(tx: Tx, id: string, secretHash: string): Promise<boolean> {
  const { numAffectedRows } = await sql`
    UPDATE oidc.clients SET secret_hash = ${secretHash} WHERE id = ${id} AND secret_hash IS NOT NULL`.execute(
    tx,
  );
  return numAffectedRows === 1n;
}

/** What it holds of people stops working with it. False when there is no such client. */
export async function deleteClient(tx: Tx, id: string): Promise<boolean> {
  const { numAffectedRows } = await sql`DELETE FROM oidc.clients WHERE id = ${id}`.execute(tx);
  return numAffectedRows === 1n;
}
