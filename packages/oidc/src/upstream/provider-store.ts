import { AppError } from '@hexabase/kernel/errors.ts';
import { newId } from '@hexabase/kernel/id.ts';
import type { KeyVault } from '@hexabase/kernel/key-vault.ts';
import type { Tx } from '@hexabase/postgres/database.ts';
import { sql } from 'kysely';
import type { MappedGroup } from './group-claim.ts';
import { forgetImported, forgetUnmapped } from './import-store.ts';

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
  /** Null when nobody's groups are taken from it. */
  groups: GroupImport | null;
}

/** Which claim of a provider says somebody's groups, and what of one organization it means. */
export interface GroupImport {
  claim: string;
  /** Null when it is gone: then nothing is imported. */
  organizationId: string | null;
  /** Name of the group below which every value that is not mapped has a group of its own; null when it has none. */
  parent: string | null;
  map: MappedGroup[];
}

/**
 * Whether a sign-in through the provider counts as one with a second factor: never, so ours is asked for; when its ID
 * token says that there was one (`amr`, RFC 8176); or always, because the operator knows that it asks everybody for one.
 */
export type ProviderFactor = 'ask' | 'amr' | 'given';

export interface ProviderInput extends Omit<IdentityProvider, 'id' | 'enabled' | 'groups'> {
  clientSecret: string;
  /** The organization by slug or id. */
  groups: (Omit<GroupImport, 'organizationId'> & { organization: string }) | null;
}

interface Row extends IdentityProvider {
  sealed: string;
}

const columns = sql`id, name, kind, label, issuer, client_id AS "clientId", scopes, enabled, from_file AS "fromFile",
  second_factor AS "secondFactor",
  CASE WHEN groups_claim IS NOT NULL THEN jsonb_build_object('claim', groups_claim,
    'organizationId', groups_organization_id, 'parent', groups_parent, 'map', groups_map) END AS groups`;

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
 * go, because its subjects name other people, and so do the groups that came from it. Those go too when they are taken
 * from another claim, or go elsewhere. `bound` is false when the organization for its groups is not there: then nothing
 * is imported. Runs as identity.
 */
export async function saveProvider(
  tx: Tx,
  vault: KeyVault,
  { input, nowMs }: { input: ProviderInput; nowMs: number },
): Promise<{ bound: boolean }> {
  const organizationId = input.groups && (await findOrganization(tx, input.groups.organization));
  const id = (await clearWay(tx, input, organizationId)) ?? newId(nowMs);
  const sealed = vault.seal(Buffer.from(input.clientSecret), contextOf(id));
  await sql`
    INSERT INTO hexabase.identity_providers
      (id, name, kind, label, issuer, client_id, client_secret_sealed, scopes, from_file, second_factor, created_at,
        groups_claim, groups_organization_id, groups_parent, groups_map)
    VALUES (${id}, ${input.name}, ${input.kind}, ${input.label}, ${input.issuer}, ${input.clientId}, ${sealed},
      ${input.scopes}, ${input.fromFile}, ${input.secondFactor}, ${new Date(nowMs)}, ${input.groups?.claim ?? null},
      ${organizationId}, ${input.groups?.parent ?? null}, ${JSON.stringify(input.groups?.map ?? [])}::jsonb)
    ON CONFLICT (name) DO UPDATE SET label = excluded.label, client_id = excluded.client_id, scopes = excluded.scopes,
      client_secret_sealed = excluded.client_secret_sealed, from_file = excluded.from_file,
      second_factor = excluded.second_factor, groups_claim = excluded.groups_claim,
      groups_organization_id = excluded.groups_organization_id, groups_parent = excluded.groups_parent,
      groups_map = excluded.groups_map`.execute(tx);
  return { bound: input.groups === null || organizationId !== null };
}

/**
 * Removes what the provider of that name leaves behind when it becomes what is asked for. Answers its id when it stays
 * the same provider, else null.
 */
async function clearWay(tx: Tx, input: ProviderInput, organizationId: string | null): Promise<string | null> {
  const { rows } = await sql<Row>`
    SELECT ${columns} FROM hexabase.identity_providers WHERE name = ${input.name} FOR UPDATE`.execute(tx);
  const [before] = rows;
  if (!before) return null;
  const isOther = before.issuer !== input.issuer || before.kind !== input.kind;
  const goesElsewhere =
    before.groups?.claim !== input.groups?.claim ||
    before.groups?.parent !== input.groups?.parent ||
    (before.groups?.organizationId ?? null) !== organizationId;
  if (isOther || goesElsewhere) await forgetImported(tx, input.name);
  else await forgetUnmapped(tx, input.name, input.groups?.map ?? []);
  if (!isOther) return before.id;
  await sql`DELETE FROM hexabase.identity_providers WHERE id = ${before.id}`.execute(tx);
  return null;
}

/** By id or slug. An id never names another organization later. */
async function findOrganization(tx: Tx, reference: string): Promise<string | null> {
  const { rows } = await sql<{ id: string }>`
    SELECT id FROM hexabase.organizations WHERE id = ${reference} OR slug = ${reference}
    ORDER BY id = ${reference} DESC LIMIT 1`.execute(tx);
  return rows[0]?.id ?? null;
}

/** Throws AppError `not_found`. Runs as identity. */
export async function switchProvider(tx: Tx, name: string, enabled: boolean): Promise<void> {
  const { numAffectedRows } = await sql`
    UPDATE hexabase.identity_providers SET enabled = ${enabled} WHERE name = ${name}`.execute(tx);
  if (numAffectedRows !== 1n) throw noSuchProvider(name);
}

/**
 * Forgets a provider with every link to it and what its groups claim gave; accounts stay. Answers how many memberships of
 * groups went with it. Throws AppError `not_found`. Runs as identity.
 */
export async function removeProvider(tx: Tx, name: string): Promise<{ memberships: number }> {
  const memberships = await forgetImported(tx, name);
  const { numAffectedRows } = await sql`DELETE FROM hexabase.identity_providers WHERE name = ${name}`.execute(
    tx,
  );
  if (numAffectedRows !== 1n) throw noSuchProvider(name);
  return { memberships };
}

function noSuchProvider(name: string): AppError {
  return new AppError('not_found', { message: `There is no identity provider ${name}.` });
}

function contextOf(id: string): string {
  return `hexabase.identity_providers/${id}/client_secret`;
}
