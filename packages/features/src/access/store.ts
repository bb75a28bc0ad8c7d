import type { Grant } from '@hexabase/authz/effective-access.ts';
import { findPreset, type PresetRole } from '@hexabase/authz/rules/presets.ts';
import type { PolicyRule } from '@hexabase/contract/rules/policy-rule.ts';
import type { OrganizationRole } from '@hexabase/kernel/actor.ts';
import type { Tx } from '@hexabase/postgres/database.ts';
import { sql } from 'kysely';
import { defaultGroups } from '../groups/public.ts';
import { shortestChains, type ReachedGroup } from './group-chains.ts';

/** Somebody in an organization; `epoch` rises with every change of what they may do. */
export interface Standing {
  epoch: number;
  role: OrganizationRole;
}

export interface PersonInWorkspace {
  userId: string;
  organizationId: string;
  workspaceId: string;
}

/**
 * Read it before anything that follows from it: a change that comes between raises the epoch, and what was made with the
 * old one is void. Null for somebody who is not in the organization.
 */
export async function readStanding(
  tx: Tx,
  { userId, organizationId }: Pick<PersonInWorkspace, 'userId' | 'organizationId'>,
): Promise<Standing | null> {
  const { rows } = await sql<{ epoch: string; role: OrganizationRole }>`
    select u.epoch + coalesce(e.epoch, 0) as epoch, coalesce(m.role, g.role) as role from users u
      left join memberships m on m.user_id = u.id and m.organization_id = ${organizationId}
      left join organization_epochs e on e.user_id = u.id and e.organization_id = ${organizationId}
      left join lateral (select case min(level) when 'admin' then 'admin' else 'viewer' end as role
        from access_grants a where a.user_id = u.id and a.organization_id = ${organizationId}
          and a.revoked_at is null and a.expires_at > now() having count(*) > 0) g on true
    where u.id = ${userId} and coalesce(m.role, g.role) is not null`.execute(tx);
  const row = rows[0];
  return row ? { epoch: Number(row.epoch), role: row.role } : null;
}

interface RoleColumns {
  preset: PresetRole['name'] | null;
  role_id: string | null;
  role_name: string | null;
  project_id: string | null;
  project: string | null;
}

type GrantRow = RoleColumns & { group_id: string | null };

/**
 * What groups and assignments give somebody in a workspace. A role that a group has is one grant, with the shortest chain
 * of groups from the person's own to it, however many chains there are; who was given the role in several groups, or also
 * themselves, has as many grants. Costs one row per group that is reached, not per way to it; chains are put together when
 * they are asked for. PostgreSQL takes a recursive part for long: of an array it knows that it is short, and looks its
 * members up by index.
 */
export async function loadGrants(tx: Tx, person: PersonInWorkspace): Promise<Grant[]> {
  const reached = await reachedGroups(tx, person);
  const groupIds = reached.map((group) => group.id);
  const { rows } = await sql<GrantRow>`
    with given as (
      select a.preset, a.role_id, a.project_id, a.group_id from role_assignments a
      where a.workspace_id = ${person.workspaceId} and a.group_id = any (${groupIds}::text[])
      union all
      select case g.name when ${defaultGroups.admins} then 'admin' else 'viewer' end, null, null, g.id from groups g
      where g.workspace_id = ${person.workspaceId} and g.id = any (${groupIds}::text[])
        and g.name in (${defaultGroups.admins}, ${defaultGroups.users})
      union all
      select a.preset, a.role_id, a.project_id, null
      from role_assignments a where a.user_id = ${person.userId} and a.workspace_id = ${person.workspaceId}
    )
    select given.preset, given.role_id, r.name as role_name, given.project_id, p.name as project, given.group_id
    from given left join roles r on r.id = given.role_id
      left join projects p on p.id = given.project_id
    where p.id is null or p.deleted_at is null
    order by project nulls first, given.preset, r.name`.execute(tx);
  const chains = shortestChains(
    reached,
    rows.flatMap(({ group_id }) => (group_id === null ? [] : [group_id])),
  );
  const rulesOf = await loadRules(tx, rows);
  return rows.map((row): Grant => {
    const { group_id: groupId } = row;
    if (groupId === null) {
      const through = [{ kind: 'user', id: person.userId }] as const;
      return { ...roleAndPlace(row, rulesOf), through, kubernetesGroup: `hexabase:user:${person.userId}` };
    }
    const grant = { ...roleAndPlace(row, rulesOf), kubernetesGroup: `hexabase:group:${groupId}` };
    return Object.defineProperty({ ...grant, through: [] }, 'through', {
      enumerable: true,
      get: () => chains.to(groupId),
    });
  });
}

/** Every group in which somebody is, directly or through groups below. */
export async function reachedGroups(
  tx: Tx,
  { userId, organizationId }: Pick<PersonInWorkspace, 'userId' | 'organizationId'>,
): Promise<ReachedGroup[]> {
  const { rows } = await sql<{ id: string; parent_id: string | null; name: string; direct: boolean }>`
    with recursive mine as (
      select g.id, g.parent_id, g.name from group_members m join groups g on g.id = m.group_id
      where m.user_id = ${userId} and m.organization_id = ${organizationId}
      union
      select g.id, g.parent_id, g.name from mine join groups g on g.id = mine.parent_id
    )
    select mine.id, mine.parent_id, mine.name,
      exists (select from group_members m where m.group_id = mine.id and m.user_id = ${userId}) as direct
    from mine`.execute(tx);
  return rows.map(({ id, parent_id: parentId, name, direct }) => ({ id, parentId, name, direct }));
}

/** What was given in a workspace, without regard to people. */
interface GivenRole extends Pick<Grant, 'role' | 'project'> {
  groupId: string | null;
  userId: string | null;
}

export async function loadGivenRoles(tx: Tx, workspaceId: string): Promise<GivenRole[]> {
  const { rows } = await sql<RoleColumns & { group_id: string | null; user_id: string | null }>`
    select a.preset, a.role_id, r.name as role_name, a.project_id, p.name as project, a.group_id, a.user_id
    from role_assignments a left join roles r on r.id = a.role_id left join projects p on p.id = a.project_id
    where a.workspace_id = ${workspaceId} and (p.id is null or p.deleted_at is null)
    union all
    select case g.name when ${defaultGroups.admins} then 'admin' else 'viewer' end, null, null, null, null, g.id, null
    from groups g where g.workspace_id = ${workspaceId}
      and g.name in (${defaultGroups.admins}, ${defaultGroups.users})`.execute(tx);
  const rulesOf = await loadRules(tx, rows);
  return rows.map((row) => ({ ...roleAndPlace(row, rulesOf), groupId: row.group_id, userId: row.user_id }));
}

export interface PersonRow {
  userId: string;
  email: string;
  displayName: string;
  role: OrganizationRole;
}

/** Who can do anything at all there: billing reaches no workspace, and a disabled account reaches nothing. */
export async function listPeople(tx: Tx, organizationId: string): Promise<PersonRow[]> {
  const { rows } = await sql<{ id: string; email: string; display_name: string; role: OrganizationRole }>`
    select u.id, u.email, u.display_name, m.role from memberships m join users u on u.id = m.user_id
    where m.organization_id = ${organizationId} and m.role <> 'billing' and u.disabled_at is null order by u.email`.execute(
    tx,
  );
  return rows.map((row) => ({
    userId: row.id,
    email: row.email,
    displayName: row.display_name,
    role: row.role,
  }));
}

export interface Below {
  groups: { id: string; parentId: string | null; name: string }[];
  /** Direct ones. */
  members: { groupId: string; userId: string }[];
}

/**
 * The groups, all below them, and who is in each: one row per group and one per membership. What is below a group is asked
 * for that one (`offset 0` keeps PostgreSQL from joining): it might read all groups for each step otherwise.
 */
export async function loadBelow(tx: Tx, groupIds: readonly string[]): Promise<Below> {
  const { rows: groups } = await sql<{ id: string; parent_id: string | null; name: string }>`
    with recursive below as (
      select id, parent_id, name from groups where id = any (${[...groupIds]}::text[])
      union
      select g.id, g.parent_id, g.name from below cross join lateral (
        select id, parent_id, name from groups where parent_id = below.id offset 0) as g
    )
    select id, parent_id, name from below`.execute(tx);
  const { rows: members } = await sql<{ group_id: string; user_id: string }>`
    select group_id, user_id from group_members
    where group_id = any (${groups.map(({ id }) => id)}::text[])`.execute(tx);
  return {
    groups: groups.map(({ id, parent_id: parentId, name }) => ({ id, parentId, name })),
    members: members.map(({ group_id: groupId, user_id: userId }) => ({ groupId, userId })),
  };
}

export async function projectNames(tx: Tx, workspaceId: string): Promise<string[]> {
  const { rows } = await sql<{ name: string }>`
    select name from projects where workspace_id = ${workspaceId} and deleted_at is null order by name`.execute(
    tx,
  );
  return rows.map((row) => row.name);
}

type RulesOfRoles = ReadonlyMap<string | null, PolicyRule[]>;

/** The rules of each role that was given, once: one role can be given two thousand times, and have long rules. */
async function loadRules(tx: Tx, given: readonly RoleColumns[]): Promise<RulesOfRoles> {
  const ids = new Set(given.flatMap(({ role_id }) => (role_id === null ? [] : [role_id])));
  if (ids.size === 0) return new Map();
  const { rows } = await sql<{ id: string; rules: PolicyRule[] }>`
    select id, rules from roles where id = any (${[...ids]}::text[])`.execute(tx);
  return new Map(rows.map(({ id, rules }) => [id, rules]));
}

function roleAndPlace(row: RoleColumns, rulesOf: RulesOfRoles): Pick<Grant, 'role' | 'project'> {
  const scope = row.project_id === null ? 'workspace' : 'project';
  const role =
    row.preset === null
      ? { id: row.role_id, name: row.role_name ?? '', rules: rulesOf.get(row.role_id) ?? [] }
      : { id: null, name: row.preset, rules: findPreset(scope, row.preset)?.rules ?? [] };
  const project =
    row.project_id === null || row.project === null ? null : { id: row.project_id, name: row.project };
  return { role: { ...role, scope }, project };
}
