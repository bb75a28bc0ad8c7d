import type { Assignment } from '@hexabase/contract/access/assignment.ts';
import type { Tx } from '@hexabase/postgres/database.ts';
import { sql } from 'kysely';
import { offsetOf, orderBy, type PageQuery } from '../run/paging.ts';

interface AssignmentRow {
  id: string;
  workspace_id: string;
  role: string;
  role_id: string | null;
  project: string | null;
  group_id: string | null;
  user_id: string | null;
  subject: string;
  created_at: Date;
}

const sortable = {
  role: 'role',
  project: 'project',
  createdAt: 'created_at',
} as const;

const shown = sql`
  select a.id, a.workspace_id, coalesce(r.name, a.preset) as role, a.role_id, a.project_id, p.name as project, a.group_id, a.user_id,
    coalesce(case when gw.id is null then g.name else gw.slug || '.' || g.name end, u.email, a.user_id) as subject, a.created_at
  from role_assignments a left join roles r on r.id = a.role_id left join projects p on p.id = a.project_id
    left join groups g on g.id = a.group_id left join workspaces gw on gw.id = g.workspace_id
    left join users u on u.id = a.user_id
  where p.id is null or p.deleted_at is null`;

export async function listAssignmentRows(
  tx: Tx,
  { workspaceId, projectId }: { workspaceId: string; projectId: string | undefined },
  query: PageQuery,
): Promise<{ data: Assignment[]; total: number }> {
  const order = orderBy(query.sort, sortable, { column: 'created_at', direction: 'asc' });
  const { rows } = await sql<AssignmentRow & { total: number }>`
    select *, count(*) over ()::integer as total from (${shown}) as shown
    where workspace_id = ${workspaceId} ${projectId === undefined ? sql`` : sql`and project_id = ${projectId}`}
    order by ${sql.ref(order.column)} ${order.direction === 'asc' ? sql`asc` : sql`desc`}, id
    limit ${query.limit} offset ${offsetOf(query)}`.execute(tx);
  return { data: rows.map(toAssignment), total: rows[0]?.total ?? 0 };
}

export async function findAssignment(tx: Tx, workspaceId: string, id: string): Promise<Assignment | null> {
  const { rows } = await sql<AssignmentRow>`
    select * from (${shown}) as shown where workspace_id = ${workspaceId} and id = ${id}`.execute(tx);
  return rows[0] ? toAssignment(rows[0]) : null;
}

export interface NewAssignment {
  id: string;
  organizationId: string;
  workspaceId: string;
  projectId: string | null;
  /** One of these two. */
  preset: string | null;
  roleId: string | null;
  /** One of these two. */
  groupId: string | null;
  userId: string | null;
  createdBy: string;
  createdAt: Date;
}

export async function countAssignments(tx: Tx, workspaceId: string): Promise<number> {
  const { rows } = await sql<{ count: number }>`
    select count(*)::integer as count from role_assignments where workspace_id = ${workspaceId}`.execute(tx);
  return rows[0]?.count ?? 0;
}

/** Answers false when it was given already. */
export async function insertAssignment(tx: Tx, row: NewAssignment): Promise<boolean> {
  const { rows } = await sql`
    insert into role_assignments (id, organization_id, workspace_id, project_id, preset, role_id, group_id, user_id,
      created_by, created_at)
    values (${row.id}, ${row.organizationId}, ${row.workspaceId}, ${row.projectId}, ${row.preset}, ${row.roleId},
      ${row.groupId}, ${row.userId}, ${row.createdBy}, ${row.createdAt})
    on conflict do nothing returning id`.execute(tx);
  return rows.length > 0;
}

export async function deleteAssignmentRow(tx: Tx, id: string): Promise<void> {
  await sql`delete from role_assignments where id = ${id}`.execute(tx);
}

function toAssignment(row: AssignmentRow): Assignment {
  return {
    id: row.id,
    workspaceId: row.workspace_id,
    role: row.role,
    roleId: row.role_id,
    scope: row.project === null ? 'workspace' : 'project',
    project: row.project,
    subject:
      row.group_id === null
        ? { kind: 'user', id: row.user_id ?? '', name: row.subject }
        : { kind: 'group', id: row.group_id, name: row.subject },
    createdAt: row.created_at.toISOString(),
  };
}
