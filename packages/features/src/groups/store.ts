import type { Group, GroupMember } from '@hexabase/contract/access/group.ts';
import type { Tx } from '@hexabase/postgres/database.ts';
import { sql, type RawBuilder } from 'kysely';
import { offsetOf, orderBy, type PageQuery } from '../run/paging.ts';

interface GroupRow {
  id: string;
  name: string;
  organization_id: string;
  workspace_id: string | null;
  parent_id: string | null;
  parent: string | null;
  members: number;
  created_at: Date;
}

const sortable = { name: 'name', members: 'members', createdAt: 'created_at' } as const;

/** Groups as people see them: those of a workspace carry its slug, so that names are told apart. */
const shown = sql`
  select g.id, g.name as own_name, case when w.id is null then g.name else w.slug || '.' || g.name end as name, g.organization_id,
    g.workspace_id, g.parent_id, case when pw.id is null then p.name else pw.slug || '.' || p.name end as parent,
    (select count(*)::integer from group_members m where m.group_id = g.id) as members, g.created_at
  from groups g left join workspaces w on w.id = g.workspace_id
    left join groups p on p.id = g.parent_id left join workspaces pw on pw.id = p.workspace_id
  where w.id is null or w.deleted_at is null`;

export async function listGroupRows(
  tx: Tx,
  { organizationId, parentId }: { organizationId: string; parentId: string | undefined },
  query: PageQuery,
): Promise<{ data: Group[]; total: number }> {
  const order = orderBy(query.sort, sortable, { column: 'name', direction: 'asc' });
  const wanted = sql`shown.organization_id = ${organizationId}
    ${parentId === undefined ? sql`` : sql`and shown.parent_id = ${parentId}`}`;
  const { rows } = await sql<GroupRow>`
    select * from (${shown}) as shown where ${wanted}
    order by ${sql.ref(order.column)} ${order.direction === 'asc' ? sql`asc` : sql`desc`}, id
    limit ${query.limit} offset ${offsetOf(query)}`.execute(tx);
  const counted = await sql<{ total: number }>`
    select count(*)::integer as total from groups shown where ${wanted}`.execute(tx);
  return { data: rows.map(toGroup), total: counted.rows[0]?.total ?? 0 };
}

/** By id, by name, or for a group of a workspace by `slug.name`. */
export async function findGroup(tx: Tx, organizationId: string, reference: string): Promise<Group | null> {
  const { rows } = await sql<GroupRow>`
    select * from (${shown}) as shown
    where organization_id = ${organizationId} and (id = ${reference} or lower(name) = lower(${reference}))
    order by (id = ${reference}) desc limit 1`.execute(tx);
  return rows[0] ? toGroup(rows[0]) : null;
}

export interface NewGroup {
  id: string;
  organizationId: string;
  workspaceId: string | null;
  parentId: string | null;
  name: string;
  createdBy: string;
  createdAt: Date;
}

export async function countGroups(tx: Tx, organizationId: string): Promise<number> {
  const { rows } = await sql<{ count: number }>`
    select count(*)::integer as count from groups where organization_id = ${organizationId}`.execute(tx);
  return rows[0]?.count ?? 0;
}

/** Answers false when the organization has a group of that name. */
export async function insertGroup(tx: Tx, group: NewGroup): Promise<boolean> {
  const { rows } = await sql`
    insert into groups (id, organization_id, workspace_id, parent_id, name, created_by, created_at)
    values (${group.id}, ${group.organizationId}, ${group.workspaceId}, ${group.parentId}, ${group.name},
      ${group.createdBy}, ${group.createdAt})
    on conflict do nothing returning id`.execute(tx);
  return rows.length > 0;
}

/** Answers false when another group of the organization has that name. */
export async function renameGroup(tx: Tx, id: string, name: string): Promise<boolean> {
  const { numAffectedRows } = await sql`
    update groups set name = ${name} where id = ${id} and not exists (
      select from groups other where other.organization_id = groups.organization_id and other.workspace_id is null
        and lower(other.name) = lower(${name}) and other.id <> groups.id)`.execute(tx);
  return numAffectedRows === 1n;
}

export async function moveGroup(tx: Tx, id: string, parentId: string | null): Promise<void> {
  await sql`update groups set parent_id = ${parentId} where id = ${id}`.execute(tx);
}

export async function deleteGroupRow(tx: Tx, id: string): Promise<void> {
  await sql`delete from groups where id = ${id}`.execute(tx);
}

/** True when the group is the other one or lies below it. */
export async function isBelow(tx: Tx, id: string, otherId: string): Promise<boolean> {
  const { rows } = await sql`
    with recursive above as (
      select id, parent_id from groups where id = ${id}
      union
      select g.id, g.parent_id from groups g join above on g.id = above.parent_id
    )
    select 1 from above where id = ${otherId}`.execute(tx);
  return rows.length > 0;
}

export async function hasGroupsBelow(tx: Tx, id: string): Promise<boolean> {
  const { rows } = await sql`select 1 from groups where parent_id = ${id} limit 1`.execute(tx);
  return rows.length > 0;
}

/** Everybody who is in one of the groups, directly or through groups below. */
export async function membersOf(tx: Tx, groupIds: readonly string[]): Promise<string[]> {
  const { rows } = await sql<{ user_id: string }>`
    with recursive below as (${below(groupIds)})
    select distinct m.user_id from group_members m join below on below.id = m.group_id`.execute(tx);
  return rows.map((row) => row.user_id);
}

interface GroupMemberRow {
  user_id: string;
  email: string;
  display_name: string;
  through: string | null;
  source: string | null;
  created_at: Date;
}

const sortableMembers = { email: 'email', displayName: 'display_name', createdAt: 'created_at' } as const;

/** Each person once; somebody who is in it directly is shown so. */
export async function listGroupMemberRows(
  tx: Tx,
  groupId: string,
  query: PageQuery,
): Promise<{ data: GroupMember[]; total: number }> {
  const order = orderBy(query.sort, sortableMembers, { column: 'email', direction: 'asc' });
  const { rows } = await sql<GroupMemberRow & { total: number }>`
    with recursive below as (${below([groupId])}), found as (
      select distinct on (m.user_id) m.user_id, u.email, u.display_name, m.created_at, m.provider as source,
        case when g.id = ${groupId} then null else g.name end as through
      from group_members m join below on below.id = m.group_id join groups g on g.id = m.group_id
        join users u on u.id = m.user_id
      order by m.user_id, (g.id = ${groupId}) desc, g.name
    )
    select *, count(*) over ()::integer as total from found
    order by ${sql.ref(order.column)} ${order.direction === 'asc' ? sql`asc` : sql`desc`}, user_id
    limit ${query.limit} offset ${offsetOf(query)}`.execute(tx);
  return { data: rows.map(toGroupMember), total: rows[0]?.total ?? 0 };
}

/** The person's direct membership, or null. */
export async function findGroupMember(tx: Tx, groupId: string, userId: string): Promise<GroupMember | null> {
  const { rows } = await sql<GroupMemberRow>`
    select m.user_id, u.email, u.display_name, m.created_at, m.provider as source, null as through
    from group_members m join users u on u.id = m.user_id
    where m.group_id = ${groupId} and m.user_id = ${userId}`.execute(tx);
  return rows[0] ? toGroupMember(rows[0]) : null;
}

export interface NewGroupMember {
  groupId: string;
  userId: string;
  organizationId: string;
}

/**
 * Answers false when the person is in it already. Whom an identity provider put there is from now on there by hand, and
 * stays when the provider takes it back.
 */
export async function insertGroupMember(tx: Tx, row: NewGroupMember): Promise<boolean> {
  const { rows } = await sql`
    insert into group_members (group_id, user_id, organization_id)
    values (${row.groupId}, ${row.userId}, ${row.organizationId})
    on conflict (group_id, user_id) do update set provider = null where group_members.provider is not null
    returning user_id`.execute(tx);
  return rows.length > 0;
}

/** Answers false when the person was not in it. */
export async function deleteGroupMember(tx: Tx, groupId: string, userId: string): Promise<boolean> {
  const { numAffectedRows } = await sql`
    delete from group_members where group_id = ${groupId} and user_id = ${userId}`.execute(tx);
  return numAffectedRows === 1n;
}

/** The workspaces in which the group itself was given a role. */
export async function workspacesOfGroup(tx: Tx, groupId: string): Promise<string[]> {
  const { rows } = await sql<{ workspace_id: string }>`
    select distinct workspace_id from role_assignments where group_id = ${groupId}`.execute(tx);
  return rows.map((row) => row.workspace_id);
}

/**
 * For `with recursive below as (…)`: the groups and all below them. What is below one is asked for that one (`offset 0` keeps
 * PostgreSQL from joining): it might read all groups of the organization for each step otherwise.
 */
function below(groupIds: readonly string[]): RawBuilder<unknown> {
  return sql`select id from groups where id = any (${[...groupIds]}::text[])
    union select g.id from below
      cross join lateral (select id from groups where parent_id = below.id offset 0) as g`;
}

function toGroup(row: GroupRow): Group {
  return {
    id: row.id,
    name: row.name,
    organizationId: row.organization_id,
    workspaceId: row.workspace_id,
    parentId: row.parent_id,
    parent: row.parent,
    members: row.members,
    createdAt: row.created_at.toISOString(),
  };
}

function toGroupMember(row: GroupMemberRow): GroupMember {
  return {
    userId: row.user_id,
    email: row.email,
    displayName: row.display_name,
    through: row.through,
    source: row.source,
    createdAt: row.created_at.toISOString(),
  };
}

export interface GroupOfPerson {
  id: string;
  /** Slug. */
  organization: string;
  /** As people see it: of a workspace's group with its slug before it. */
  name: string;
}

/**
 * Every group in which somebody is, directly or through groups below, in all of their organizations that do not ask for a
 * second factor beyond what was shown. Runs as worker.
 */
export async function groupsOfPerson(
  tx: Tx,
  { userId, secondFactor }: { userId: string; secondFactor: boolean },
): Promise<GroupOfPerson[]> {
  const { rows } = await sql<GroupOfPerson>`
    with recursive mine as (
      select g.id, g.parent_id, g.organization_id, g.workspace_id, g.name
      from group_members m
        join memberships s on s.organization_id = m.organization_id and s.user_id = m.user_id
        join groups g on g.id = m.group_id
      where m.user_id = ${userId}
      union
      select g.id, g.parent_id, g.organization_id, g.workspace_id, g.name
      from mine join groups g on g.id = mine.parent_id
    )
    select mine.id, o.slug as organization, case when w.id is null then mine.name else w.slug || '.' || mine.name end as name
    from mine join organizations o on o.id = mine.organization_id left join workspaces w on w.id = mine.workspace_id
    where o.deletion_requested_at is null and (${secondFactor} or not o.require_second_factor)
      and (mine.workspace_id is null or w.deleted_at is null)
    order by o.slug, name, mine.id`.execute(tx);
  return rows;
}
