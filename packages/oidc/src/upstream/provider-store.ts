import { AppError } from '@hexabase/kernel/errors.ts';
import { newId } from '@hexabase/kernel/id.ts';
import type { KeyVault } from '@hexabase/kernel/key-vault.ts';
import type { Tx } from '@hexabase/postgres/database.ts';
import { sql } from 'kysely';

/** An identity provider elsewhere, through which people sign in. Its client secret is never part of it. */
export interface IdentityProvider {
  id: string;
  /** Stands in addresses: `google`, `acme-login`. */
  name: string;
  kind: 'oidc' | 'github';
  /** What people read on the button. */
  label: string;
  issuer: string;
  clientId: string;
  /** Separated by spaces. */
  scopes: string;
  enabled: boolean;
  /** It stands in the operator's file, which is applied at each start. */
  fromFile: boolean;
  secondFactor: ProviderFactor;
}

/**
 * Whether a sign-in through the provider counts as one with a second factor: never, so ours is asked for; when its ID
 * token says that there was one (`amr`, RFC 8176); or always, because the operator knows that it asks everybody for one.
 */
export type ProviderFactor = 'ask' | 'amr' | 'given';

export interface ProviderInput extends Omit<IdentityProvider, 'id' | 'enabled'> {
  clientSecret: string;
}

interface Row extends IdentityProvider {
  sealed: string;
}

const columns = sql`id, name, kind, label, issuer, client_id AS "clientId", scopes, enabled, from_file AS "fromFile",
  second_factor AS "secondFactor"`;

/** All of them, by name. Runs as identity. */
export async function listProviders(tx: Tx): Promise<IdentityProvider[]> {
  const { rows } =
    await sql<IdentityProvider>`SELECT ${columns} FROM hexabase.identity_providers ORDER BY name`.execute(tx);
  return rows;
}

/** An enabled provider with its secret, or null. Runs as identity. */
export async function openProvider(
  tx: Tx,
  vault: KeyVault,
  name: string,
): Promise<{ provider: IdentityProvider; clientSecret: string } | null> {
  const { rows } = await sql<Row>`
    SELECT ${columns}, client_secret_sealed AS sealed FROM hexabase.identity_providers
    WHERE name = ${name} AND enabled`.execute(tx);
  const [row] = rows;
  if (!row) return null;
  const { sealed, ...provider } = row;
  return { provider, clientSecret: vault.open(sealed, contextOf(provider.id)).toString() };
}

/**
 * Adds a provider, or changes the one of that name. One with another issuer is another provider: the links to the old one
 * go, because its subjects name other people. Runs as identity.
 */
export async function saveProvider(
  tx: Tx,
  vault: KeyVault,
  { input, nowMs }: { input: ProviderInput; nowMs: number },
): Promise<void> {
  await sql`DELETE FROM hexabase.identity_providers
    WHERE name = ${input.name} AND (issuer <> ${input.issuer} OR kind <> ${input.kind})`.execute(tx);
  const { rows } = await sql<{ id: string }>`
    SELECT id FROM hexabase.identity_providers WHERE name = ${input.name} FOR UPDATE`.execute(tx);
  const id = rows[0]?.id ?? newId(nowMs);
  const sealed = vault.seal(Buffer.from(input.clientSecret), contextOf(id));
  await sql`
    INSERT INTO hexabase.identity_providers
      (id, name, kind, label, issuer, client_id, client_secret_sealed, scopes, from_file, second_factor, created_at)
    VALUES (${id}, ${input.name}, ${input.kind}, ${input.label}, ${input.issuer}, ${input.clientId}, ${sealed},
      ${input.scopes}, ${input.fromFile}, ${input.secondFactor}, ${new Date(nowMs)})
    ON CONFLICT (name) DO UPDATE SET label = excluded.label, client_id = excluded.client_id, scopes = excluded.scopes,
      client_secret_sealed = excluded.client_secret_sealed, from_file = excluded.from_file,
      second_factor = excluded.second_factor`.execute(tx);
}

/** Throws AppError `not_found`. Runs as identity. */
export async function switchProvider(tx: Tx, name: string, enabled: boolean): Promise<void> {
  const { numAffectedRows } = await sql`
    UPDATE hexabase.identity_providers SET enabled = ${enabled} WHERE name = ${name}`.execute(tx);
  if (numAffectedRows !== 1n) throw noSuchProvider(name);
}

/** Forgets a provider and every link to it; accounts stay. Throws AppError `not_found`. Runs as identity. */
export async function removeProvider(tx: Tx, name: string): Promise<void> {
  const { numAffectedRows } = await sql`DELETE FROM hexabase.identity_providers WHERE name = ${name}`.execute(
    tx,
  );
  if (numAffectedRows !== 1n) throw noSuchProvider(name);
}

function noSuchProvider(name: string): AppError {
  return new AppError('not_found', { message: `There is no identity provider ${name}.` });
}

function contextOf(id: string): string {
  return `hexabase.identity_providers/${id}/client_secret`;
}
