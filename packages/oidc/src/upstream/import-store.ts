import { newId } from '@hexabase/kernel/id.ts';
import type { Tx } from '@hexabase/postgres/database.ts';
import { revokeUsers } from '@hexabase/postgres/revoke-users.ts';
import { sql } from 'kysely';
import type { MappedGroup } from './group-claim.ts';

/** Where a provider's groups go. */
export interface Binding {
  /** Name of the provider. */
  provider: string;
  organizationId: string;
  parent: string | null;
  map: MappedGroup[];
  isMember: boolean;
}

/** A provider makes no more groups than this, whatever the people who sign in through it bring. */
const importedGroupsMax = 2_000;

/**
 * Null for a provider that imports nothing (any more), or into an organization that is being deleted. Imports for one
 * person wait for each other. Runs as identity.
 */
export async function findBinding(
  tx: Tx,
  { providerId, userId }: { providerId: string; userId: string },
): Promise<Binding | null> {
  await sql`select pg_advisory_xact_lock(hashtextextended('imported groups of ' || ${userId}::text, 0))`.execute(
    tx,
  );
  const { rows } = await sql<Binding>`
    select p.name as provider, o.id as "organizationId", p.groups_parent as parent, p.groups_map as map,
      exists (select from hexabase.memberships m where m.organization_id = o.id and m.user_id = ${userId}) as "isMember"
    from hexabase.identity_providers p join hexabase.organizations o on o.id = p.groups_organization_id
    where p.id = ${providerId} and p.enabled and p.groups_claim is not null
      and o.deletion_requested_at is null`.execute(tx);
  return rows[0] ?? null;
}

/** The organization's own groups by lower-case name; those of workspaces are not among them. */
export async function findGroupIds(
  tx: Tx,
  organizationId: string,
  names: readonly string[],
): Promise<Map<string, string>> {
  const { rows } = await sql<{ id: string; name: string }>`
    select id, lower(name) as name from hexabase.groups
    where organization_id = ${organizationId} and workspace_id is null
      and lower(name) = any (${[...names]}::text[])`.execute(tx);
  return new Map(rows.map(({ id, name }) => [name, id]));
}

interface ImportedGroups {
  organizationId: string;
  provider: string;
  parentId: string;
  /** Each is a name for a group; sorted, so that two imports never wait for each other in a circle. */
  values: readonly string[];
}

/**
 * Makes the groups that are not there yet. Answers ids by value; those are left out whose name another group has, also in
 * other letters, as a look-alike of a group must not be the group.
 */
export async function ensureImportedGroups(
  tx: Tx,
  wanted: ImportedGroups,
  nowMs: number,
): Promise<Map<string, string>> {
  const { organizationId, provider, parentId, values } = wanted;
  const found = await importedGroups(tx, wanted);
  const missing = values.filter((value) => !found.has(value));
  if (missing.length === 0) return found;
  const counted = await sql<{ count: number }>`
    select count(*)::integer as count from hexabase.groups where provider = ${provider}`.execute(tx);
  const made = missing.slice(0, Math.max(0, importedGroupsMax - (counted.rows[0]?.count ?? 0)));
  await sql`
    insert into hexabase.groups (id, organization_id, parent_id, name, created_at, provider, provider_value)
    select made.id, ${organizationId}, ${parentId}, made.value, ${new Date(nowMs)}, ${provider}, made.value
    from unnest(${made.map(() => newId<'Group'>(nowMs))}::text[], ${made}::text[]) as made (id, value)
    on conflict do nothing`.execute(tx);
  return importedGroups(tx, wanted);
}

async function importedGroups(
  tx: Tx,
  { organizationId, provider, values }: ImportedGroups,
): Promise<Map<string, string>> {
  const { rows } = await sql<{ id: string; value: string }>`
    select id, provider_value as value from hexabase.groups
    where provider = ${provider} and organization_id = ${organizationId}
      and provider_value = any (${[...values]}::text[])`.execute(tx);
  return new Map(rows.map(({ id, value }) => [value, id]));
}

interface Imported {
  provider: string;
  organizationId: string;
  userId: string;
}

/** Takes somebody out of every other group that this provider put them into. Answers the names of those, and ends their tokens. */
export async function removeImportedBut(
  tx: Tx,
  { provider, userId }: Imported,
  wanted: readonly string[],
): Promise<string[]> {
  const { rows } = await sql<Taken & { name: string }>`
    delete from hexabase.group_members m using hexabase.groups g
    where m.provider = ${provider} and m.user_id = ${userId} and m.group_id <> all (${[...wanted]}::text[])
      and g.id = m.group_id
    returning g.name, m.organization_id, m.user_id`.execute(tx);
  await revokeTaken(tx, rows);
  return rows.map(({ name }) => name);
}

/** Puts a member of the organization into groups of it. Answers the names of those that they were not in by any way. */
export async function addImported(
  tx: Tx,
  { provider, organizationId, userId }: Imported,
  wanted: readonly string[],
): Promise<string[]> {
  const { rows } = await sql<{ name: string }>`
    with added as (
      insert into hexabase.group_members (group_id, user_id, organization_id, provider)
      select g.id, m.user_id, g.organization_id, ${provider}
      from hexabase.groups g join hexabase.memberships m on m.organization_id = g.organization_id
      where g.id = any (${[...wanted]}::text[]) and g.organization_id = ${organizationId} and m.user_id = ${userId}
      on conflict do nothing returning group_id
    )
    select g.name from added join hexabase.groups g on g.id = added.group_id order by g.name`.execute(tx);
  return rows.map(({ name }) => name);
}

/**
 * Takes back every membership that came from a provider, and the groups that it made, unless somebody has put people or
 * groups into them by hand: those become ordinary ones. Answers how many memberships went.
 */
export async function forgetImported(tx: Tx, provider: string): Promise<number> {
  const members = await sql<Taken>`
    delete from hexabase.group_members where provider = ${provider} returning organization_id, user_id`.execute(
    tx,
  );
  await revokeTaken(tx, members.rows);
  const empty = sql`select g.id from hexabase.groups g where g.provider = ${provider}
    and not exists (select from hexabase.group_members m where m.group_id = g.id)
    and not exists (select from hexabase.groups below where below.parent_id = g.id)`;
  await sql`
    select hexabase.enqueue('workspace-access', workspace_id) from (
      select distinct workspace_id from hexabase.role_assignments where group_id in (${empty})) as touched`.execute(
    tx,
  );
  await sql`delete from hexabase.groups where id in (${empty})`.execute(tx);
  await sql`update hexabase.groups set provider = null, provider_value = null where provider = ${provider}`.execute(
    tx,
  );
  return members.rows.length;
}

/** Takes back the memberships of groups that are mapped no more; the groups that the provider made are none of them. */
export async function forgetUnmapped(tx: Tx, provider: string, map: readonly MappedGroup[]): Promise<void> {
  const targets = map.map(({ group }) => group.toLowerCase());
  const { rows } = await sql<Taken>`
    delete from hexabase.group_members m using hexabase.groups g
    where m.provider = ${provider} and g.id = m.group_id and g.provider is distinct from ${provider}
      and lower(g.name) <> all (${targets}::text[])
    returning m.organization_id, m.user_id`.execute(tx);
  await revokeTaken(tx, rows);
}

interface Taken {
  organization_id: string;
  user_id: string;
}

async function revokeTaken(tx: Tx, taken: readonly Taken[]): Promise<void> {
  for (const [organizationId, rows] of Map.groupBy(taken, (row) => row.organization_id))
    await revokeUsers(
      tx,
      organizationId,
      rows.map((row) => row.user_id),
    );
}
