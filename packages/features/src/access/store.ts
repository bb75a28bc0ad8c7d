import type { Grant, Link } from '@hexabase/authz/effective-access.ts';
import { findPreset, type PresetRole } from '@hexabase/authz/rules/presets.ts';
import type { PolicyRule } from '@hexabase/contract/rules/policy-rule.ts';
import type { OrganizationRole } from '@hexabase/kernel/actor.ts';
import type { Tx } from '@hexabase/postgres/database.ts';
import { sql } from 'kysely';
import { defaultGroups } from '../groups/public.ts';

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
  rules: PolicyRule[] | null;
  project_id: string | null;
  project: string | null;
}

type GrantRow = RoleColumns & { group_ids: string[] | null; group_names: string[] | null };

/**
 * What groups and assignments give somebody in a workspace, each with its chain of groups. One recursive query. PostgreSQL
 * takes a recursive part for long: of an array it knows that it is short, and looks its members up by index.
 */
export async function loadGrants(tx: Tx, person: PersonInWorkspace): Promise<Grant[]> {
  const { rows } = await sql<GrantRow>`
    with recursive mine as (
      select g.id, g.parent_id, g.workspace_id, g.name, array[g.id] as ids, array[g.name] as names
      from group_members m join groups g on g.id = m.group_id
      where m.user_id = ${person.userId} and m.organization_id = ${person.organizationId}
      union all
      select g.id, g.parent_id, g.workspace_id, g.name, mine.ids || g.id, mine.names || g.name
      from mine join groups g on g.id = mine.parent_id
    ), given as (
      select a.preset, a.role_id, a.project_id, mine.ids, mine.names
      from mine join role_assignments a on a.group_id = mine.id
      where a.workspace_id = ${person.workspaceId} and a.group_id = any (array(select id from mine))
      union all
      select case mine.name when ${defaultGroups.admins} then 'admin' else 'viewer' end, null, null, mine.ids, mine.names
      from mine where mine.workspace_id = ${person.workspaceId}
        and mine.name in (${defaultGroups.admins}, ${defaultGroups.users})
      union all
      select a.preset, a.role_id, a.project_id, null, null
      from role_assignments a where a.user_id = ${person.userId} and a.workspace_id = ${person.workspaceId}
    )
    select given.preset, given.role_id, r.name as role_name, r.rules, given.project_id, p.name as project,
      given.ids as group_ids, given.names as group_names
    from given left join roles r on r.id = given.role_id
      left join projects p on p.id = given.project_id
    where p.id is null or p.deleted_at is null
    order by project nulls first, given.preset, r.name`.execute(tx);
  return rows.map((row) => {
    const through = chainOf(row, person.userId);
    return { ...roleAndPlace(row), through, kubernetesGroup: kubernetesGroupOf(through.at(-1)) };
  });
}

/** What was given in a workspace, without regard to people. */
export interface GivenRole extends Pick<Grant, 'role' | 'project'> {
  groupId: string | null;
  userId: string | null;
}

export async function loadGivenRoles(tx: Tx, workspaceId: string): Promise<GivenRole[]> {
  const { rows } = await sql<RoleColumns & { group_id: string | null; user_id: string | null }>`
    select a.preset, a.role_id, r.name as role_name, r.rules, a.project_id, p.name as project, a.group_id, a.user_id
    from role_assignments a left join roles r on r.id = a.role_id left join projects p on p.id = a.project_id
    where a.workspace_id = ${workspaceId} and (p.id is null or p.deleted_at is null)
    union all
    select case g.name when ${defaultGroups.admins} then 'admin' else 'viewer' end, null, null, null, null, null, g.id, null
    from groups g where g.workspace_id = ${workspaceId}
      and g.name in (${defaultGroups.admins}, ${defaultGroups.users})`.execute(tx);
  return rows.map((row) => ({ ...roleAndPlace(row), groupId: row.group_id, userId: row.user_id }));
}

export interface PersonRow {
  userId: string;
  email: string;
  displayName: string;
  role: OrganizationRole;
}

export async function listPeople(tx: Tx, organizationId: string): Promise<PersonRow[]> {
  const { rows } = await sql<{ id: string; email: string; display_name: string; role: OrganizationRole }>`
    select u.id, u.email, u.display_name, m.role from memberships m join users u on u.id = m.user_id
    where m.organization_id = ${organizationId} and m.role <> 'billing' order by u.email`.execute(tx);
  return rows.map((row) => ({
    userId: row.id,
    email: row.email,
    displayName: row.display_name,
    role: row.role,
  }));
}

/** Who is in each of the groups, with the chain from the person's own group up to it. */
export async function chainsBelow(
  tx: Tx,
  groupIds: readonly string[],
): Promise<{ groupId: string; userId: string; chain: Link[] }[]> {
  const { rows } = await sql<{ top: string; user_id: string; ids: string[]; names: string[] }>`
    with recursive below as (
      select id, id as top, array[id] as ids, array[name] as names from groups
      where id = any (${[...groupIds]}::text[])
      union all
      select g.id, below.top, g.id || below.ids, g.name || below.names
      from groups g join below on g.parent_id = below.id
    )
    select below.top, m.user_id, below.ids, below.names
    from below join group_members m on m.group_id = below.id`.execute(tx);
  return rows.map((row) => ({
    groupId: row.top,
    userId: row.user_id,
    chain: groupLinks(row.ids, row.names),
  }));
}

export async function projectNames(tx: Tx, workspaceId: string): Promise<string[]> {
  const { rows } = await sql<{ name: string }>`
    select name from projects where workspace_id = ${workspaceId} and deleted_at is null order by name`.execute(
    tx,
  );
  return rows.map((row) => row.name);
}

function chainOf({ group_ids, group_names }: GrantRow, userId: string): Link[] {
  return group_ids && group_names ? groupLinks(group_ids, group_names) : [{ kind: 'user', id: userId }];
}

function groupLinks(ids: readonly string[], names: readonly string[]): Link[] {
  return ids.map((id, index) => ({ kind: 'group', id, name: names[index] ?? '' }));
}

function kubernetesGroupOf(link: Link | undefined): string {
  if (!link || link.kind === 'organization-role')
    throw new Error('a grant of groups ends with what was given the role');
  return `hexabase:${link.kind}:${link.id}`;
}

function roleAndPlace(row: RoleColumns): Pick<Grant, 'role' | 'project'> {
  const scope = row.project_id === null ? 'workspace' : 'project';
  const role =
    row.preset === null
      ? { id: row.role_id, name: row.role_name ?? '', scope, rules: row.rules ?? [] }
      : { id: null, name: row.preset, scope, rules: findPreset(scope, row.preset)?.rules ?? [] };
  const project =
    row.project_id === null || row.project === null ? null : { id: row.project_id, name: row.project };
  return { role: { ...role, scope }, project };
}
